"""Tokenise pairs once, into an Arrow table on disk, and find them again: pairs per second, and memory.

    python benchmarks/tokenise.py [--n 50000] [--processes 1] [--pairs FILE_OR_HUB_ID]
    python benchmarks/tokenise.py --random-words --n 1000000

The pairs are repeated, each time with a number before the prompt, until there are `--n` of them. With `--random-words`
they are read from a file like that of `read_million.py`. Memory is what the process holds beyond what it held with the
texts alone, and its peak. For comparison, the memory of the same ids as Python lists is printed: 8 bytes per token in
its list, 28 for the number itself, and 56 per list. Seconds are CPU seconds over all processes, so that other programs
change them little.
"""

import argparse
import os
import tempfile
from pathlib import Path

from _pairs import add_pairs_option, read_or_exit
from _targets import verdict
from read_million import peak_mib, write_rows

from rmlab.data import PreferencePair, PreferencePairs, read_pairs

WANTED = 5_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=50_000, help="pairs (default: 50000)")
    parser.add_argument("--processes", type=int, default=1, help="processes that share the work (default: 1)")
    parser.add_argument("--random-words", action="store_true", help="use a file of random words instead of --pairs")
    add_pairs_option(parser)
    options = parser.parse_args()

    import psutil

    from rmlab.model import RewardModel
    from rmlab.training import prepare

    model = RewardModel.from_pretrained("minilm", seed=0, max_length=512)
    process = psutil.Process()
    with tempfile.TemporaryDirectory() as folder:
        if options.random_words:
            write_rows(Path(folder) / "pairs.jsonl", options.n)
            pairs = read_pairs(Path(folder) / "pairs.jsonl")
        else:
            pairs = repeated(read_or_exit(options.pairs), options.n)
        prepare(model, pairs[:100], tokens=Path(folder) / "ids")  # imports and set-up, which are needed once
        before = process.memory_full_info().uss
        print(f"{len(pairs):,} pairs read; peak {peak_mib():,.0f} MiB")
        for call in ("made", "found again"):
            started = sum(os.times()[:4])
            data = prepare(model, pairs, tokens=Path(folder) / "ids", processes=options.processes)
            seconds = sum(os.times()[:4]) - started
            rate = len(pairs) / seconds
            limit = f" (at least {WANTED:,}: {verdict(rate >= WANTED)})" if call == "made" else ""
            print(f"{len(data):,} pairs {call} in {seconds:.1f} s of a core: {rate:,.0f} pairs/s{limit}", flush=True)
        held = process.memory_full_info().uss - before
        tokens = int(data.encoded.chosen.lengths.sum() + data.encoded.rejected.lengths.sum())
        as_lists = 36 * tokens + 2 * 56 * len(data)
        print(
            f"memory {held / 2**20:,.0f} MiB for {tokens:,} tokens, peak {peak_mib():,.0f} MiB; "
            f"as lists {as_lists / 2**20:,.0f} MiB"
        )


def repeated(pairs: PreferencePairs, n: int) -> PreferencePairs:
    def numbered(prompt: object, number: int) -> object:
        if isinstance(prompt, str):
            return f"{number} {prompt}"
        return ({"role": "user", "content": str(number)}, *prompt)  # pyright: ignore

    whole = list(pairs)
    return PreferencePairs.from_list(
        PreferencePair(numbered(p.prompt, i // len(whole)), p.chosen, p.rejected)  # pyright: ignore
        for i, p in ((i, whole[i % len(whole)]) for i in range(n))
    )


if __name__ == "__main__":
    main()
