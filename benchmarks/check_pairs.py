"""Time and peak memory of `check_pairs` on pairs as long as those of chat data.

    OMP_NUM_THREADS=1 python benchmarks/check_pairs.py [--pairs 100000]

Words are drawn by Zipf's law. The median prompt has 35 words, and the median response 100. A tenth of the prompts
nearly repeat another, a fifth repeat one exactly, and in one pair in fifty the responses are nearly equal. The number
of those that were planted is printed above what `check_pairs` finds.
"""

import argparse
import time
from pathlib import Path

import numpy as np
from _targets import verdict

from rmlab.data import PreferencePair, PreferencePairs, check_pairs

TARGET_S = 60
"""Seconds of one core, for 100,000 pairs."""


def make_pairs(n_pairs: int, seed: int = 0) -> tuple[PreferencePairs, int, int]:
    rng = np.random.default_rng(seed)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    vocabulary = np.array(["".join(rng.choice(letters, rng.integers(2, 10))) for _ in range(20_000)])
    cumulative = np.cumsum(1 / np.arange(1, len(vocabulary) + 1))

    def text(median: int) -> str:
        n_words = int(np.clip(median * np.exp(rng.normal(0, 0.8)), 4, 1500))
        return " ".join(vocabulary[np.searchsorted(cumulative, rng.random(n_words) * cumulative[-1])])

    prompts: list[str] = []
    pairs = []
    n_near_prompts = n_near_responses = 0
    for _ in range(n_pairs):
        kind = rng.random() if prompts else 1.0
        if kind < 0.2:
            prompt = prompts[rng.integers(len(prompts))]
        elif kind < 0.3:
            prompt = prompts[rng.integers(len(prompts))].capitalize() + " ?"
            n_near_prompts += 1
        else:
            prompt = text(35)
            prompts.append(prompt)
        chosen = text(100)
        near = rng.random() < 0.02
        n_near_responses += near
        rejected = chosen + "." if near else text(100)
        pairs.append(PreferencePair(prompt, chosen, rejected, chosen_first=rng.random() < 0.5))
    return PreferencePairs.from_list(pairs), n_near_prompts, n_near_responses


def peak_mib() -> float:
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=100_000)
    pairs, n_near_prompts, n_near_responses = make_pairs(parser.parse_args().pairs)
    lengths = {side: pairs.lengths(side).mean() for side in ("prompt", "chosen")}
    print(f"{len(pairs):,} pairs, {lengths['prompt']:.0f} characters a prompt and {lengths['chosen']:.0f} a response")
    print(f"planted: {n_near_prompts:,} near-equal prompts, {n_near_responses:,} near-equal responses")
    before = peak_mib()
    start, start_cpu = time.perf_counter(), time.process_time()
    found = check_pairs(pairs)
    seconds, cpu = time.perf_counter() - start, time.process_time() - start_cpu
    print(
        f"check_pairs: {seconds:.1f} s, {cpu:.1f} s of a core (at most {TARGET_S}: {verdict(cpu <= TARGET_S)}); "
        f"peak {before:.0f} MiB, then {peak_mib():.0f} MiB"
    )
    print(found)


if __name__ == "__main__":
    main()
