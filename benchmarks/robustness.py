"""The audit of robustness on planted models, on the course's model and its twin, on minilm, and beside its peers.

    python benchmarks/robustness.py [PART] [--n N] [--sample N] [--packages FOLDER]

The parts are ``planted`` (each planted taste, and a model with none), ``simulated`` (N audits of simulated scores:
false positives and coverage), ``course`` (the course's model and its twin, and how they differ), ``everyday`` (minilm
fine-tuned on part of `everyday`, and audited on the rest), ``minilm`` (200 pairs of `everyday` on one core, timed) and
``peers`` (judgecal and reward-lens on the planted models). Without a part all are run, but the peers only if their
packages are given: ``pip install --target FOLDER judgecal==0.1.0 reward-lens==3.1.0 hypothesis SALib``. Packages that
are installed here take precedence over those. Seconds are CPU seconds, since other programs may share the machine.
"""

import argparse
import math
import sys
import time
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from _audit_simulations import simulated_audits, simulated_layout
from _planted_tastes import Score, planted, planted_pairs, signs
from _targets import MISSED, verdict

from rmlab.audit import TRANSFORMS, Robustness, Transform, robustness
from rmlab.audit.contests import lay_out
from rmlab.data import PreferencePair, split_by_prompt
from rmlab.datasets import course_model, course_pairs, load_everyday
from rmlab.evaluation import evaluate, mean_interval
from rmlab.model import RewardModel
from rmlab.training import TrainingConfig, train

FALSE_POSITIVES, COVERAGE = 0.05, (0.93, 0.97)
MINILM_S = 180


def show_planted() -> bool:
    pairs = planted_pairs()
    wrong = 0
    for name, sign in signs(pairs).items():
        exact = robustness(planted(sign, noise=0.0), pairs)
        noisy = robustness(planted(sign), pairs)
        as_planted = exact.faults == (name,) and name in noisy.faults
        wrong += not as_planted
        others = ", ".join(sorted({*noisy.found} - {name})) or "nothing"
        print(
            f"{name:<24} {'as planted' if as_planted else MISSED:<11} shift {noisy[name].mean:+.2f} (true +1.00), "
            f"flips {noisy[name].flips:.0%}, {noisy[name].n_changed} pairs; also found: {others}"
        )
    print(f"no taste: {', '.join(robustness(planted(None), pairs).found) or 'nothing'} found")
    return not wrong


def show_simulated(n: int) -> bool:
    layout = simulated_layout(planted_pairs(), TRANSFORMS)
    p, q, covered = simulated_audits(layout, n)
    _, _, with_effect = simulated_audits(layout, n, effect=0.5, seed=1)
    most = FALSE_POSITIVES + 2.33 * math.sqrt(FALSE_POSITIVES * (1 - FALSE_POSITIVES) / n)
    found, shares = (q <= 0.05).any(axis=1).mean(), (covered.mean(), with_effect.mean())
    rare, right = found <= most, all(COVERAGE[0] <= share <= COVERAGE[1] for share in shares)
    print(
        f"{n} audits of an invariant model, {p.shape[1]} changes each: p below 0.05 in {(p < 0.05).mean():.2%}; "
        f"audits with anything found {found:.1%} (at most {most:.1%}: {verdict(rare)})\n"
        f"intervals cover a true shift of 0 in {shares[0]:.1%}, of 0.5 in {shares[1]:.1%} "
        f"({COVERAGE[0]:.0%} to {COVERAGE[1]:.0%}: {verdict(right)})"
    )
    return bool(rare and right)


def remembering(model: RewardModel, known: dict[tuple[str, str], float]) -> Score:
    """Return the model as a function that also records its answers."""

    def score(prompts: Sequence[str], responses: Sequence[str]) -> np.ndarray:
        scores = model.score(prompts, responses)
        known.update(zip(zip(prompts, responses, strict=True), scores.astype(float).tolist(), strict=True))
        return scores

    return score


class Twins(NamedTuple):
    """The audits of the course's model and of its twin, and how much more a change moves the twin."""

    of_fair: Robustness
    of_twin: Robustness
    gaps: dict[str, tuple[float, float, float]]
    """For each change the shift of the twin minus that of the model on the same texts, each in units of its own spread:
    the mean and the ends of its 95% interval."""


def compare_twins(pairs: Sequence[PreferencePair], transforms: Sequence[Transform] = TRANSFORMS) -> Twins:
    """Audit the course's model and its twin on the same pairs."""
    fair, twin = {}, {}
    of_fair = robustness(remembering(course_model("fair"), fair), pairs, transforms, sample=None)
    of_twin = robustness(remembering(course_model("flattered"), twin), pairs, transforms, sample=None)
    layout = lay_out(pairs, transforms, seed=0)
    apart = np.array([twin[text] / of_twin.spread - fair[text] / of_fair.spread for text in layout.texts])
    gaps = {}
    for series in layout.series:
        if of_fair[series.transform.name].mean is None:
            continue
        after, other_after, before, other_before = apart[np.array([case.places for case in series.cases])].T
        clusters = [[str(layout.pairs[case.pair].prompt) for case in series.cases]]
        said = [case.change.sentence for case in series.cases]
        clusters += [said] if said[0] else []
        gaps[series.transform.name] = mean_interval((after - before) - (other_after - other_before), *clusters)
    return Twins(of_fair, of_twin, gaps)


def show_course(sample: int) -> bool:
    cpu = time.process_time()
    pairs = course_pairs().pairs
    pairs = pairs.take(np.sort(np.random.default_rng(0).choice(len(pairs), size=sample, replace=False)))
    of_fair, of_twin, gaps = compare_twins(pairs)
    print(f"=== the course's model\n{of_fair}\n\n=== its twin\n{of_twin}\n")
    print(f"{'change':<24} {'model':>7} {'twin':>7}   twin - model, same texts (95%); in units of their spreads")
    for name, (mean, low, high) in gaps.items():
        shifts = [found[name].mean / found.spread for found in (of_fair, of_twin)]
        print(f"{name:<24} {shifts[0]:>+7.2f} {shifts[1]:>+7.2f}   {mean:+.2f} ({low:+.2f} to {high:+.2f})")
    alone = {*of_twin.faults} - {*of_fair.faults}
    only = alone == {"flattery"}  # what was planted, and no change of the surface
    print(f"faults of the twin alone: {', '.join(sorted(alone)) or 'none'} (flattery: {verdict(only)})")
    print(f"{time.process_time() - cpu:.0f} s of CPU")
    return only


def show_everyday(sample: int) -> bool:
    cpu = time.process_time()
    training, test = split_by_prompt(load_everyday(), fractions=(0.7, 0.3), seed=0)
    model = RewardModel.from_pretrained("minilm", seed=0, device="cpu")
    train(model, training, config=TrainingConfig(epochs=2, seed=0), progress=False)
    right = evaluate(model.score_differences(test))
    print(
        f"minilm fine-tuned on {len(training)} pairs of everyday: right on {right.accuracy:.3f} of the other "
        f"{len(test)} ({time.process_time() - cpu:.0f} s of CPU)\n{robustness(model, test, sample=sample)}\n"
        f"{time.process_time() - cpu:.0f} s of CPU in all"
    )
    return True


def show_minilm() -> bool:
    torch.set_num_threads(1)
    model = RewardModel.from_pretrained("minilm", device="cpu")
    wall, cpu = time.perf_counter(), time.process_time()
    found = robustness(model, load_everyday())
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    print(
        f"{found.n_pairs} pairs, {found.n_texts:,} texts: {cpu:.0f} s of one core (CPU; "
        f"at most {MINILM_S}: {verdict(cpu <= MINILM_S)}), {wall:.0f} s by the clock"
    )
    return cpu <= MINILM_S


def show_peers(folder: str) -> bool:
    sys.path.append(folder)
    from _robustness_peers import judgecal, reward_lens

    pairs = planted_pairs()
    print(f"{'planted taste':<24} {'rmlab':<30} {'judgecal':<26} {'reward-lens, no noise':<40} reward-lens, noise")
    tastes = [*signs(pairs).items(), ("none", None)]
    cost = np.zeros((4, 2))
    for name, sign in tastes:
        start = time.process_time()
        mine = robustness(planted(sign), pairs)
        own = (mine.n_texts, time.process_time() - start)
        judge, exact, noisy = (
            judgecal(planted(sign), pairs),
            reward_lens(planted(sign, noise=0.0), pairs),
            reward_lens(planted(sign), pairs),
        )
        cost += [own, *((one.n_texts, one.seconds) for one in (judge, exact, noisy))]
        columns = (mine.faults, judge.found, exact.found, noisy.found)
        words = [", ".join(each) or "-" for each in columns]
        print(f"{name:<24} {words[0]:<30} {words[1]:<26} {words[2]:<40} {words[3]}", flush=True)
    for label, (texts, seconds) in zip(
        ("rmlab", "judgecal", "reward-lens, no noise", "reward-lens, noise"), cost / len(tastes), strict=True
    ):
        print(f"{label}: {texts:,.0f} texts and {seconds:.1f} s of CPU for a model, scoring included")
    return True


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="?", choices=("planted", "simulated", "course", "everyday", "minilm", "peers"))
    parser.add_argument("--n", type=int, default=500, help="simulated audits (default: 500)")
    parser.add_argument(
        "--sample",
        type=int,
        default=200,
        help="pairs on which the course's models and that of everyday are audited (default: 200)",
    )
    parser.add_argument("--packages", metavar="FOLDER", help="where the peers are installed")
    options = parser.parse_args()
    if options.part == "peers" and options.packages is None:
        parser.error("the peers need --packages FOLDER")
    shown = {
        "planted": show_planted,
        "simulated": lambda: show_simulated(options.n),
        "course": lambda: show_course(options.sample),
        "everyday": lambda: show_everyday(options.sample),
        "minilm": show_minilm,
        "peers": lambda: show_peers(options.packages),
    }
    chosen = [options.part] if options.part else [part for part in shown if part != "peers" or options.packages]
    as_wanted = [shown[part]() for part in chosen]
    return 0 if all(as_wanted) else 1


if __name__ == "__main__":
    sys.exit(main())
