"""Time and peak memory of reading, reporting, checking and splitting a large JSONL file.

    python benchmarks/read_million.py [--rows 1000000] [--check-rows 100000]

It prints the time of each step, and the peak resident memory of the process so far. Resident memory includes pages of
the temporary file, which the system keeps as long as there is room. Only the first `--check-rows` pairs are checked and
split.
"""

import argparse
import json
import random
import tempfile
import time
from pathlib import Path

from _targets import verdict

READ_S, READ_MIB = 120, 1000
"""The largest time and peak memory that reading a million rows should take."""


def write_rows(path: Path, n_rows: int) -> None:
    rng = random.Random(0)
    words = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(2, 9))) for _ in range(20_000)]
    with path.open("w", encoding="utf-8") as file:
        for _ in range(n_rows):
            prompt, chosen, rejected = (" ".join(rng.choices(words, k=k)) for k in (15, 30, 30))
            file.write(json.dumps({"prompt": prompt, "chosen": chosen, "rejected": rejected, "margin": 1.0}) + "\n")


def peak_mib() -> float:
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--check-rows", type=int, default=100_000)
    options = parser.parse_args()
    from rmlab.data import check_pairs, read_pairs, split_by_prompt

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pairs.jsonl"
        write_rows(path, options.rows)
        print(f"{options.rows:,} rows, {path.stat().st_size / 2**20:.0f} MiB; before reading {peak_mib():.0f} MiB")
        some = slice(options.check_rows)
        pairs = None
        steps = {
            "read_pairs": lambda: read_pairs(path),
            "report": lambda: pairs.report,
            "look at up to 100,000 pairs": lambda: sum(
                len(pairs[i].chosen) for i in range(0, len(pairs), max(1, len(pairs) // 100_000))
            ),
            f"check_pairs ({options.check_rows:,} pairs)": lambda: check_pairs(pairs[some]),
            f"split_by_prompt ({options.check_rows:,} pairs)": lambda: split_by_prompt(pairs[some]),
        }
        for name, step in steps.items():
            start = time.perf_counter()
            result = step()
            seconds, peak, limit = time.perf_counter() - start, peak_mib(), ""
            if name == "read_pairs":
                pairs = result
                limit = f"   at most {READ_S} s and {READ_MIB} MiB: {verdict(seconds <= READ_S and peak <= READ_MIB)}"
            print(f"{name:<36}{seconds:8.1f} s   peak {peak:6.0f} MiB{limit}", flush=True)


if __name__ == "__main__":
    main()
