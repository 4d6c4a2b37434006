"""Print the audit's table on minilm, on a decoder, and on models with one planted fault each.

    python benchmarks/audit_table.py [--whole]

For a planted model it shows the broken lines, and whether they are the ones that the fault must break, and no others.
`--whole` prints every line. All models read the pairs of `everyday`, on the CPU; planted decoders read them as
conversations.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from _targets import verdict

from rmlab.audit import Audit, audit
from rmlab.datasets import load_everyday
from rmlab.model import RewardModel

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))
from planted_faults import FAULTS, as_conversations, save_planted


def broken_lines(found: Audit) -> str:
    """Return the part of the table with the broken lines."""
    lines, shown = str(found).splitlines(), False
    kept = []
    for line in lines:
        shown = line.startswith("BROKEN") or (shown and line.startswith(" "))
        kept += [line] if shown else []
    return "\n".join(kept)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--whole", action="store_true", help="print every line of every table")
    options = parser.parse_args()
    pairs, wrong = load_everyday(), []
    with tempfile.TemporaryDirectory() as scratch:
        sound = {name: RewardModel.from_pretrained(name, device="cpu") for name in ("minilm", "tiny-decoder")}
        folders = {name: model.save_pretrained(Path(scratch) / name) for name, model in sound.items()}
        folders["a decoder as transformers saves it"] = save_planted(Path(scratch) / "sound", None)
        for name, folder in folders.items():
            start = time.perf_counter()
            found = audit(folder, pairs)
            print(f"=== {name}: sound ({time.perf_counter() - start:.0f} s)\n{found}\n", flush=True)
            wrong += [name] if found.broken else []
        for i, (name, fault) in enumerate(FAULTS.items()):
            given = pairs if fault.network == "encoder" else as_conversations(pairs)
            found = audit(save_planted(Path(scratch) / str(i), name), given)
            expected = {fault.breaks, *fault.implies}
            outcome = "as planted" if set(found.broken) == expected else f"expected {', '.join(sorted(expected))}"
            wrong += [name] if set(found.broken) != expected else []
            print(
                f"=== {name}: {fault.about} ({outcome})\n{found if options.whole else broken_lines(found)}\n",
                flush=True,
            )
    n = len(FAULTS) + len(folders)
    but = f" (not {', '.join(wrong)})" if wrong else ""
    print(f"{n - len(wrong)} of {n} tables are as they should be{but}: {verdict(not wrong)}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
