"""What can be learned from the world of replies, and what the course's models have learned of it.

    python benchmarks/replies.py ladder [--pairs 3000] [--test-pairs 2000]
    python benchmarks/replies.py effects
    python benchmarks/replies.py everyday
    python benchmarks/replies.py live [--seconds 45]
    python benchmarks/replies.py speed
    python benchmarks/replies.py sample [--seed 7100] [--replies 60]

"ladder": readers on fresh questions and fresh sentences. Accuracy is averaged over the labels that could have been
drawn: a pair counts with its true probability, which removes the labels' noise. Intervals are 95%, clustered by
question. "words of the response" is a logistic regression on TF-IDF of words and word pairs of the response; "words of
both" adds every word of the prompt crossed with every word of the response. The course's model was trained on 1.2
million comparisons; the others are fitted to `--pairs` simulated pairs. "effects": what each attribute of a reply adds
to the score of the course's model and of its twin, beside its true effect, with intervals clustered by question and by
sentence. "everyday": the accuracy of the course's model on `everyday`, by kind. "live": minilm trained on one core for
as many seconds as a notebook has. "speed": the time to simulate 10,000 pairs. "sample": random replies with their
attributes for a person to read, half of them to fresh questions.
"""

import argparse
import time

import numpy as np
import torch
from _readers import Reader, longer, words, words_of_both
from _targets import MISSED, verdict

from rmlab.data import PreferencePairs
from rmlab.datasets import course_model, everyday_notes, load_everyday
from rmlab.evaluation import evaluate, mean_interval
from rmlab.model import RewardModel
from rmlab.simulate import expected_outcomes
from rmlab.simulate.replies import (
    ATTRIBUTES,
    CONTRASTS,
    JUDGES,
    SimulatedReplyPairs,
    expected_bayes_accuracy,
    reply_contrast,
    simulate_reply_pairs,
)
from rmlab.training import TrainingConfig, fit_head, training_steps

MOST_SHORT = 0.04
"""How far the course's model may be below the ceiling."""
LIVE_ACCURACY = 0.62
SIMULATED_S = 2


def accuracy(differences: np.ndarray, simulated: SimulatedReplyPairs) -> tuple[float, str]:
    """Return accuracy averaged over possible labels, and the same with its interval as text."""
    outcomes = expected_outcomes(differences, simulated.score_differences)
    mean, low, high = mean_interval(outcomes, simulated.question_indices)
    return mean, f"{mean:.3f} ({low:.3f} to {high:.3f})"


def frozen(training: PreferencePairs, test: PreferencePairs) -> np.ndarray:
    model = RewardModel.from_pretrained("minilm", device="cpu")
    fit_head(model, training, prior_variance=10.0)
    return model.score_differences(test)


def course(training: PreferencePairs, test: PreferencePairs) -> np.ndarray:
    del training  # it was trained before
    return course_model().score_differences(test)


def ladder(options: argparse.Namespace) -> None:
    """Print the accuracy of each reader on fresh questions and sentences, and the ceiling."""
    training = simulate_reply_pairs(options.pairs, seed=0)
    test = simulate_reply_pairs(options.test_pairs, seed=1, fresh=True)
    readers: dict[str, Reader] = {
        "length alone": longer,
        "words of the response": words,
        "words of both": words_of_both,
        "linear head on frozen minilm": frozen,
        "the course's model": course,
    }
    print(f"{options.pairs:,} training pairs, {len(test.pairs):,} test pairs on {len(test.questions)} fresh questions")
    print(f"{'reader':30} accuracy (95%)           seconds")
    mean = 0.0
    for name, reader in readers.items():
        started = time.perf_counter()
        differences = reader(training.pairs, test.pairs)
        mean, found = accuracy(differences, test)
        print(f"{name:30} {found}   {time.perf_counter() - started:6.0f}", flush=True)
    print(f"{'ceiling':30} {test.bayes_accuracy:.3f} (of all such pairs {expected_bayes_accuracy(fresh=True):.3f})")
    short = test.bayes_accuracy - mean  # of the last reader, which is the course's model
    print(
        f"the course's model is {100 * short:.1f} points below the ceiling "
        f"(at most {100 * MOST_SHORT:.0f}: {verdict(short <= MOST_SHORT)})"
    )


def effects(options: argparse.Namespace) -> None:
    """Print what each attribute adds to the scores of the course's models on fresh questions, and its true effect."""
    del options
    models = {judge: course_model(judge) for judge in ("fair", "flattered")}
    print(f"{'attribute':18}" + "".join(f"{judge + ': true':>16}  measured (95%)      " for judge in models))
    for attribute in CONTRASTS:
        contrast = reply_contrast(attribute, fresh=True)
        row = f"{attribute:18}"
        for judge, model in models.items():
            scores = model.score([*contrast.prompts] * 2, [*contrast.with_it, *contrast.without]).astype(float)
            added, taken = scores.reshape(2, -1)
            mean, low, high = mean_interval(added - taken, *contrast.clusters)
            truth = contrast.true_effects(JUDGES[judge]).mean()
            wrong = f"  wrong sign: {MISSED}" if mean * truth < 0 else ""
            row += f"{truth:+16.2f}  {mean:+.2f} ({low:+.2f} to {high:+.2f}){wrong}"
        print(row, flush=True)


def everyday(options: argparse.Namespace) -> None:
    """Print the accuracy of the course's model on `everyday`, which it was not trained on, by kind."""
    del options
    kinds = [note.kind for note in everyday_notes()]
    print(evaluate(course_model().score_differences(load_everyday()), groups=kinds))


def live(options: argparse.Namespace) -> None:
    """Train minilm on one core for some seconds, and print its accuracy on fresh questions."""
    torch.set_num_threads(1)
    model = RewardModel.from_pretrained("minilm", seed=0, device="cpu")
    model.network.base_model.embeddings.requires_grad_(False)
    test = simulate_reply_pairs(500, seed=1, fresh=True)
    started = time.perf_counter()
    training = simulate_reply_pairs(28 * 8 * 40, seed=0, replies=8)
    config = TrainingConfig(max_steps=40, batch_size=28 * 8, keep_together=True, learning_rate=2e-4)
    run = training_steps(model, training.pairs, config=config)
    while time.perf_counter() - started < options.seconds and next(run, None):
        pass
    run.close()
    seconds = time.perf_counter() - started
    mean, found = accuracy(model.score_differences(test.pairs), test)
    print(
        f"{len(run.history.steps)} steps in {seconds:.0f} s: {found}, ceiling {test.bayes_accuracy:.3f} "
        f"(at least {LIVE_ACCURACY}: {verdict(mean >= LIVE_ACCURACY)})"
    )


def speed(options: argparse.Namespace) -> None:
    """Print how long it takes to simulate 10,000 pairs."""
    del options
    started = time.perf_counter()
    simulate_reply_pairs(10_000)
    seconds = time.perf_counter() - started
    print(f"10,000 pairs simulated in {seconds:.2f} s (at most {SIMULATED_S}: {verdict(seconds <= SIMULATED_S)})")


def sample(options: argparse.Namespace) -> None:
    """Print random replies in Markdown, each with its question and its attributes."""
    rng = np.random.default_rng(options.seed)
    half = options.replies // 2
    drawn = []
    for fresh in (False, True):
        simulated = simulate_reply_pairs(half, seed=options.seed + fresh, fresh=fresh)
        for pair, both in zip(simulated.pairs, simulated.attributes, strict=True):
            side = int(rng.integers(2))
            names = [name for name, value in zip(ATTRIBUTES, both[side], strict=True) if value and name != "sentences"]
            described = ", ".join(names) or "(none: a short right answer)"
            drawn.append((pair.prompt, (pair.chosen, pair.rejected)[side], described, pair.group))
    for number, place in enumerate(rng.permutation(len(drawn)), start=1):
        prompt, reply, names, kind = drawn[place]
        print(f"## {number}\nprompt: {prompt}\nreply: {reply}\nattributes: {names}; kind of question: {kind}\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = {part.__name__: part for part in (ladder, effects, everyday, live, speed, sample)}
    parser.add_argument("part", nargs="?", choices=parts, help="by default all, one after the other")
    parser.add_argument("--pairs", type=int, default=3000)
    parser.add_argument("--test-pairs", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=45.0)
    parser.add_argument("--seed", type=int, default=7100)
    parser.add_argument("--replies", type=int, default=60)
    options = parser.parse_args()
    for name in [options.part] if options.part else parts:
        print(f"-- {name}")
        parts[name](options)


if __name__ == "__main__":
    main()
