"""What happens to the true reward in the world of replies when a proxy is optimised, and what an ensemble changes.

    python benchmarks/optimization.py curves [--seeds 20] [--pairs 300] [--members 8] [--questions 76]
    python benchmarks/optimization.py twin
    python benchmarks/optimization.py heads [--seeds 20] [--pairs 300] [--members 8]
    python benchmarks/optimization.py model MODEL [--questions 8]
    python benchmarks/optimization.py estimator
    python benchmarks/optimization.py speed

"curves": the proxy is a judge who likes flattery, and the true reward is that of a judge who does not. The replies come
from a careful policy, which seldom flatters. Then the proxy is a linear reward fitted to pairs that the flattered judge
labelled, and an ensemble of such rewards, each fitted to pairs drawn again. "twin": the proxies are the course's
models, with the scores that ship. "heads": heads on the features of the twin, and of the original minilm, fitted to
pairs of the flattered judge (about ten minutes). "model": the proxy is a reward model. "estimator": the bias of the
estimate of best of n from N samples. "speed": the time of exact best of n. Intervals are 95%, by Student's t over
seeds, or over questions if there is one model.
"""

import argparse
import time
from collections.abc import Sequence

import numpy as np
from _targets import verdict

from rmlab.datasets import course_model, load_scored_replies
from rmlab.evaluation import mean_interval
from rmlab.optimization import (
    CAREFUL_WRITERS,
    COMBINATIONS,
    OptimisationCurve,
    best_of_n,
    ensemble_rewards,
    estimate_best_of_n,
    fit_law,
    fit_law_until_peak,
    optimisation_curve,
    reward_with_error,
    score_replies,
)
from rmlab.preference import preference_probability
from rmlab.simulate.replies import (
    ATTRIBUTES,
    FAIR,
    FLATTERED,
    HURRIED,
    TIMID,
    ReplyDistribution,
    SimulatedReplyPairs,
    load_questions,
    reply_distribution,
    simulate_reply_pairs,
)
from rmlab.training import fit_linear_reward

N = np.unique(np.geomspace(1, 10_000, 60).astype(int))
EXACT_S = 1
SHOWN = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096, 10_000]


def fresh_replies(n_questions: int) -> list[ReplyDistribution]:
    """Return the replies to questions that no model was trained on, spread over all kinds."""
    questions = load_questions(fresh=True)
    chosen = np.linspace(0, len(questions) - 1, min(n_questions, len(questions))).round().astype(int)
    return [reply_distribution(questions[i], policy=CAREFUL_WRITERS, n_wordings=1) for i in chosen]


def curve(distributions: Sequence[ReplyDistribution], proxy: Sequence[np.ndarray]) -> OptimisationCurve:
    n = np.union1d(N, SHOWN)
    p = [one.probabilities for one in distributions]
    return optimisation_curve(p, proxy, score_replies(FAIR, distributions), n=n)


def members(distributions: Sequence[ReplyDistribution], n_pairs: int, n_members: int, seed: int) -> list[np.ndarray]:
    """Return the scores of the replies by linear rewards, ``(1 + n_members, n_replies)`` for each question.

    The first is fitted to all pairs of the flattered judge, each of the others to as many pairs drawn from these.
    """
    simulated = simulate_reply_pairs(n_pairs, judge=FLATTERED, policy=CAREFUL_WRITERS, seed=seed)
    differences = simulated.attributes[:, 0] - simulated.attributes[:, 1]
    rng = np.random.default_rng(seed)
    drawn = [np.arange(n_pairs), *rng.integers(n_pairs, size=(n_members, n_pairs))]
    weights = np.array([fit_linear_reward(differences[rows], prior_variance=4.0).weights for rows in drawn])
    return [weights @ one.attributes.T for one in distributions]


def interval(values: Sequence[float]) -> str:
    mean, low, high = mean_interval(values)
    return f"{mean:6.2f} ({low:5.2f} to {high:5.2f})"


def describe(name: str, found: OptimisationCurve) -> None:
    at = dict(zip(found.strength.tolist(), found.true, strict=True))
    print(f"{name:28} " + " ".join(f"{at[n]:6.2f}" for n in SHOWN))


def peaks(name: str, found: Sequence[OptimisationCurve]) -> None:
    gained = [one.true[one.peak] - one.true[0] for one in found]
    ends = [one.true[one.peak :].min() - one.true[0] for one in found]
    distance = [one.distance[one.peak] for one in found]
    centre = np.exp(np.mean([np.log(one.strength[one.peak]) for one in found]))
    print(f"{name:28} {interval(distance)}  n = {centre:5.0f}   {interval(gained)}   {interval(ends)}")


def add_runs(
    runs: dict[str, list[OptimisationCurve]],
    distributions: Sequence[ReplyDistribution],
    scores: Sequence[np.ndarray],
    *,
    one: str,
    several: str,
) -> None:
    """Add curves of the first reward and of the others combined; each of `scores` is ``(1 + members, n_replies)``."""
    runs.setdefault(one, []).append(curve(distributions, [each[0] for each in scores]))
    for how in COMBINATIONS:
        combined = [
            ensemble_rewards(each[1:], probabilities=replies.probabilities, how=how)
            for each, replies in zip(scores, distributions, strict=True)
        ]
        runs.setdefault(f"{several}, {how}", []).append(curve(distributions, combined))


def compare_runs(runs: dict[str, list[OptimisationCurve]]) -> None:
    """Print the mean curve of each kind of proxy, its peak and fall, and how the others differ from the first."""
    print(f"{'true reward, mean':28} " + " ".join(f"{n:6}" for n in SHOWN))
    for name, found in runs.items():
        mean = np.mean([one.true for one in found], axis=0)
        describe(name, OptimisationCurve("best_of_n", found[0].strength, found[0].kl, mean, mean))
    print(f"\n{'':28} d at the peak                        gain there               lowest after it, minus n = 1")
    for name, found in runs.items():
        peaks(name, found)
    (first_name, first), *others = runs.items()
    for name, found in others:
        moved = [a.distance[a.peak] - b.distance[b.peak] for a, b in zip(found, first, strict=True)]
        higher = [a.true.max() - b.true.max() for a, b in zip(found, first, strict=True)]
        print(f"{name} minus {first_name}, by seed: d {interval(moved)}, highest true reward {interval(higher)}")


def curves(options: argparse.Namespace) -> None:
    """Print the true reward against n for exact proxies, and over seeds for fitted ones and ensembles of them."""
    distributions = fresh_replies(options.questions)
    print(f"replies to {len(distributions)} fresh questions; true reward (nats) of the best of n\n")
    print(f"{'proxy':28} " + " ".join(f"{n:6}" for n in SHOWN))
    for judge in (FAIR, FLATTERED, HURRIED, TIMID):
        found = curve(distributions, score_replies(judge, distributions))
        describe(judge.name, found)
        if judge is FLATTERED:
            flattered = found

    runs: dict[str, list[OptimisationCurve]] = {}
    for seed in range(options.seeds):
        scores = members(distributions, options.pairs, options.members, seed)
        add_runs(runs, distributions, scores, one="one fitted reward", several="ensemble")
    print(f"\nfitted to {options.pairs} pairs of the flattered judge, {options.seeds} seeds")
    compare_runs(runs)

    print("\nthe peak predicted by d (alpha - beta d) from small n, with flattered as the proxy")
    print(f"{'seen':28} n at the peak   gained there")
    for most in (4, 8, 16, 32):
        seen = flattered.strength <= most
        law = fit_law(flattered.distance[seen], flattered.true[seen] - flattered.true[0])
        n = flattered.strength_at(law.peak_distance)
        print(f"{f'n up to {most}':28} {n:13.0f}   {law.peak_reward:12.2f}")
    top = flattered.peak
    print(f"{'all: as it is':28} {flattered.strength[top]:13.0f}   {flattered.true[top] - flattered.true[0]:12.2f}")
    foretold("flattered", [flattered])
    for name, found in runs.items():
        foretold(name, found)


def foretold(name: str, found: Sequence[OptimisationCurve]) -> None:
    """Print the factor by which the predicted n of the peak is off: from n up to 8, and from doubling past the peak."""
    for how in ("n up to 8", "doubled until passed"):
        factors, misses, last = [], [], []
        for one in found:
            at = np.searchsorted(one.strength, [2**i for i in range(14)])  # measured at the powers of two
            d, gained = one.distance[at], one.true[at] - one.true[0]
            try:
                law, used = (fit_law(d[:4], gained[:4]), 4) if how == "n up to 8" else fit_law_until_peak(d, gained)
            except ValueError:  # no peak within what was measured
                continue
            n = one.strength_at(law.peak_distance)
            if n > 0:  # NaN where no peak is within what was measured
                factors.append(np.log(n / one.strength[one.peak]))
                misses.append(law.peak_reward - (one.true.max() - one.true[0]))
                last.append(np.log2(one.strength[at][used - 1]))
        if factors:
            print(f"{name}, {how}: n at the peak {np.exp(np.mean(factors)):.1f} times as large, the gain there "
                  f"{np.mean(misses):+.2f} off, measured up to n = {2 ** np.mean(last):.0f} "
                  f"({len(factors)} of {len(found)} curves)")  # fmt: skip


def twin(options: argparse.Namespace) -> None:
    """Print what happens to the true reward, and to the winners, with the course's two models as proxies."""
    del options
    scored = load_scored_replies()
    n = np.array([1, 2, 4, 8, 16, 64, 256, 1024, 4096, 16_384])
    replies = scored.distributions
    print(f"{sum(len(one.replies) for one in replies):,} replies to {len(replies)} fresh questions; best of n\n")
    for judge, name in (("flattered", "the flattered twin"), ("fair", "the course's model")):
        each = [
            optimisation_curve([one.probabilities], [scores], [one.rewards(FAIR)], n=n)
            for one, scores in zip(replies, scored.scores[judge], strict=True)
        ]
        true = np.array([one.true for one in each])
        gained = true - true[:, :1]
        peak = int(true.mean(axis=0).argmax())
        print(f"{name:28} " + " ".join(f"{size:6,}" for size in n))
        print(f"{'  true reward':28} " + " ".join(f"{value:6.2f}" for value in true.mean(axis=0)))
        shares = np.mean([
            best_of_n(one.probabilities, scores, n=n).probabilities @ one.attributes
            for one, scores in zip(replies, scored.scores[judge], strict=True)
        ], axis=0)  # fmt: skip
        for i in np.argsort(shares[0] - shares[-1])[:5]:
            attribute = list(ATTRIBUTES)[i]
            if attribute != "sentences":
                label = f"  {attribute} ({FAIR.weights[attribute]:+.1f})"
                print(f"{label:28} " + " ".join(f"{value:6.0%}" for value in shares[:, i]))
        print(f"  at n = {n[peak]} less n = 1, by question: {interval(gained[:, peak])}")
        print(f"  at n = {n[-1]:,} less n = 1, by question: {interval(gained[:, -1])}; "
              f"below it on {np.mean(gained[:, -1] < 0):.0%} of them\n")  # fmt: skip


def read_features(backbone: str, distributions: Sequence[ReplyDistribution]) -> tuple[np.ndarray, ...]:
    """Return the inputs of the head: of every reply, and of the two responses of each pair of the pool."""
    from rmlab.model import RewardModel

    model = course_model("flattered") if backbone == "twin" else RewardModel.from_pretrained(backbone, device="cpu")
    prompts = [one.question.prompt for one in distributions for _ in one.replies]
    texts = [reply.text for one in distributions for reply in one.replies]
    pairs = model.encode_pairs(pool().pairs)
    encoded = (model.encode(prompts, texts), pairs.chosen, pairs.rejected)
    return tuple(model.features(each, progress=True).astype(np.float64) for each in encoded)


def pool() -> SimulatedReplyPairs:
    """Return the pairs from which each seed draws, and which the flattered judge labels again for it."""
    return simulate_reply_pairs(3000, judge=FLATTERED, policy=CAREFUL_WRITERS, seed=100)


def heads(options: argparse.Namespace) -> None:
    """Print what an ensemble of heads on one backbone changes, where the proxies read text."""
    distributions = load_scored_replies().distributions
    ends = np.cumsum([len(one.replies) for one in distributions])[:-1]
    chances = preference_probability(pool().score_differences)
    for backbone in ("twin", "minilm"):
        replies, chosen, rejected = read_features(backbone, distributions)
        runs: dict[str, list[OptimisationCurve]] = {}
        for seed in range(options.seeds):
            rng = np.random.default_rng(seed)
            rows = rng.choice(len(chosen), options.pairs, replace=False)
            sign = np.where(rng.random(options.pairs) < chances[rows], 1.0, -1.0)
            gaps = (chosen - rejected)[rows] * sign[:, None]
            drawn = [np.arange(options.pairs), *rng.integers(options.pairs, size=(options.members, options.pairs))]
            weights = np.array([fit_linear_reward(gaps[each]).weights for each in drawn])
            by_question = [one.T for one in np.split(replies @ weights.T, ends)]
            add_runs(runs, distributions, by_question, one="one head", several=f"{options.members} heads")
        print(f"\n{backbone}: heads fitted to {options.pairs} pairs of the flattered judge, {options.seeds} seeds")
        compare_runs(runs)


def model(options: argparse.Namespace) -> None:
    """Print the true reward against n with a reward model as the proxy."""
    from rmlab.model import RewardModel

    distributions = fresh_replies(options.questions)
    started = time.perf_counter()
    proxy = score_replies(RewardModel.from_pretrained(options.model), distributions)
    print(f"{sum(map(len, proxy)):,} replies to {len(distributions)} questions scored in "
          f"{time.perf_counter() - started:.0f} s; true reward (nats) of the best of n\n")  # fmt: skip
    print(f"{'proxy':28} " + " ".join(f"{n:6}" for n in SHOWN))
    describe(str(options.model)[-28:], curve(distributions, proxy))


def estimator(options: argparse.Namespace) -> None:
    """Print the bias of two estimates of best of n from samples, on a proxy with heavy-tailed errors."""
    del options
    p, proxy, true = reward_with_error(degrees_of_freedom=2, n_steps=200)
    n, n_samples, repeats = [2, 8, 32, 128], 256, 2000
    exact = best_of_n(p, proxy, n=n).expectation(true)
    rng = np.random.default_rng(0)
    unbiased, again = [], []
    for _ in range(repeats):
        drawn = rng.choice(len(p), size=n_samples, p=p)
        unbiased.append(estimate_best_of_n(proxy[drawn], true[drawn], n=n))
        again.append(best_of_n(np.full(n_samples, 1 / n_samples), proxy[drawn], n=n).expectation(true[drawn]))
    print(f"{n_samples} samples, {repeats:,} repeats: mean estimate minus the exact value")
    for name, found in (("over subsets (unbiased)", unbiased), ("drawn with replacement", again)):
        errors = np.array(found) - exact
        print(f"{name:28} " + "  ".join(f"n = {size}: {interval(errors[:, i])}" for i, size in enumerate(n)))


def speed(options: argparse.Namespace) -> None:
    """Print how long exact best of n takes for 5,000 replies and 200 values of n."""
    del options
    rng = np.random.default_rng(0)
    p, rewards = rng.dirichlet(np.ones(5000)), rng.normal(size=5000)
    n = np.unique(np.geomspace(1, 10_000, 260).astype(int))
    n = np.union1d(n, np.arange(1, 10_000, 97))[:200]
    started = time.perf_counter()
    best_of_n(p, rewards, n=n)
    seconds = time.perf_counter() - started
    print(
        f"best of n, exactly: 5,000 replies and {len(n)} values of n in {seconds:.3f} s "
        f"(at most {EXACT_S}: {verdict(seconds <= EXACT_S)})"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = {
        "curves": curves, "twin": twin, "estimator": estimator, "speed": speed, "heads": heads, "model": model,
    }  # fmt: skip
    parser.add_argument("part", nargs="?", choices=parts, help="by default the first four, which take a minute")
    parser.add_argument("model", nargs="?", help="with `model`: a folder or a hub id")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--pairs", type=int, default=300, help="pairs to which each reward is fitted (default: 300)")
    parser.add_argument("--members", type=int, default=8, help="members of the ensemble (default: 8)")
    parser.add_argument("--questions", type=int, default=76, help="fresh questions, at most 76 (default: 76)")
    options = parser.parse_args()
    if options.part == "model" and not options.model:
        parser.error("`model` needs the name of a model")
    for name in [options.part] if options.part else list(parts)[:4]:
        print(f"-- {name}")
        parts[name](options)


if __name__ == "__main__":
    main()
