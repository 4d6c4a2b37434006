"""Tokenise pairs once, into an Arrow table on disk, and find them again: pairs a second, and memory.

    python benchmarks/tokenise.py [--n 50000] [--processes 1] [--pairs FILE_OR_HUB_ID]

The pairs are repeated, each time with a number before the prompt, until there are `--n` of them. Memory is what the
process holds above what it held with the texts alone. As lists of Python the same ids would take what is printed
beside it: 8 bytes a token in its list and 28 for the number itself, and 56 a list. Seconds are those of the processor,
over all processes, so that a busy machine changes them little.
"""

import argparse
import os
import tempfile

from _pairs import add_pairs_option, read_or_exit

from rmlab.data import PreferencePair, PreferencePairs

WANTED = 5_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=50_000, help="pairs (default: 50000)")
    parser.add_argument("--processes", type=int, default=1, help="to share the work (default: 1)")
    add_pairs_option(parser)
    options = parser.parse_args()
    pairs = repeated(read_or_exit(options.pairs), options.n)

    import psutil

    from rmlab.model import RewardModel
    from rmlab.training import prepare

    model = RewardModel.from_pretrained("minilm", seed=0, max_length=512)
    process = psutil.Process()
    before = process.memory_full_info().uss
    with tempfile.TemporaryDirectory() as folder:
        for call in ("made", "found again"):
            started = sum(os.times()[:4])
            data = prepare(model, pairs, tokens=folder, processes=options.processes)
            seconds = sum(os.times()[:4]) - started
            rate = len(pairs) / seconds
            verdict = f" (at least {WANTED:,}: {'kept' if rate >= WANTED else 'NOT KEPT'})" if call == "made" else ""
            print(f"{len(data):,} pairs {call} in {seconds:.1f} s of a core: {rate:,.0f} pairs/s{verdict}")
        held = process.memory_full_info().uss - before
        tokens = sum(len(ids) for side in (data.encoded.chosen, data.encoded.rejected) for ids in side)
        as_lists = 36 * tokens + 2 * 56 * len(data)
        print(f"memory {held / 2**20:,.0f} MiB for {tokens:,} tokens; as lists {as_lists / 2**20:,.0f} MiB")


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
