"""Change numbers that nbval compares, and see nbval refuse each: a plugin for one run of the course under nbval.

    python -m pytest notebooks --nbval ... -p tests.notebooks.corruption --corrupt 200      (make corruption)

Each cell runs once, in nbval's kernel. What it puts out is compared by nbval with what is stored, as always, and then
with what is stored after one digit of a number was changed. That second comparison must fail; where it does not, the
cell fails. The numbers are drawn, with a seed, from all that nbval compares.
"""

import copy
import random
import re
from collections.abc import Iterator
from typing import Any

import pytest
from nbval.plugin import IPyNbCell, coalesce_streams

NUMBER = re.compile(r"\d+(?:\.\d+)?")
PLAN = pytest.StashKey[list["tuple[Place, int]"]]()
COMPARED = pytest.StashKey[int]()
CAUGHT = "changed number caught, of so many that are compared"

# Which output, which of its texts, and the span of a number in it.
Place = tuple[int, tuple[str, ...], tuple[int, int]]


def texts(output: dict[str, Any]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Texts of an output, each with the keys that lead to it."""
    if isinstance(output.get("text"), str):
        yield ("text",), output["text"]
    for kind, text in output.get("data", {}).items():
        if isinstance(text, str):
            yield ("data", kind), text


def numbers(cell: IPyNbCell) -> Iterator[Place]:
    """Every number that nbval compares in a cell: not in what it skips, and not in what the sanitizer replaces."""
    if not cell.options["check"] or cell.options["skip"]:
        return
    for index, output in enumerate(coalesce_streams(cell.cell.outputs)):
        for keys, text in texts(output):
            if keys[-1] in cell.parent.skip_compare:
                continue
            replaced = [m.span() for regex in cell.parent.sanitize_patterns for m in re.finditer(regex, text)]
            for match in NUMBER.finditer(text):
                if not any(start < match.end() and match.start() < end for start, end in replaced):
                    yield index, keys, match.span()


def corrupted(outputs: list[dict[str, Any]], place: Place, seed: int) -> list[dict[str, Any]]:
    """Give the outputs with one digit of one number changed."""
    index, keys, (start, end) = place
    draw = random.Random(seed)
    changed = copy.deepcopy(outputs)
    holder = changed[index]
    for key in keys[:-1]:
        holder = holder[key]
    text = holder[keys[-1]]
    at = draw.choice([i for i in range(start, end) if text[i].isdigit()])
    holder[keys[-1]] = text[:at] + str((int(text[at]) + draw.randint(1, 9)) % 10) + text[at + 1 :]
    return changed


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--corrupt", type=int, default=10, help="how many compared numbers to change (default: 10)")
    parser.addoption("--corrupt-seed", type=int, default=0, help="seed of the draw (default: 0)")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Draw the numbers to change, once all notebooks are read."""
    cells = [item for item in items if isinstance(item, IPyNbCell)]
    for cell in cells:
        cell.parent.setup_sanitize_files()
        cell.stash[PLAN] = []
    everything = [(cell, place) for cell in cells for place in numbers(cell)]
    wanted = config.getoption("corrupt")
    if len(everything) < wanted:
        raise pytest.UsageError(f"{wanted} numbers are to be changed, and only {len(everything)} are compared")
    config.stash[COMPARED] = len(everything)
    drawn = random.Random(config.getoption("corrupt_seed")).sample(everything, wanted)
    for seed, (cell, place) in enumerate(drawn):
        cell.stash[PLAN].append((place, seed))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """After nbval has run a cell and found it as stored, compare it with each changed copy."""
    result = yield
    for place, seed in item.stash.get(PLAN, []):
        outputs = coalesce_streams(item.cell.outputs)
        changed = corrupted(outputs, place, seed)
        assert changed != outputs
        caught = not item.compare_outputs(item.test_outputs, changed)
        item.user_properties.append((CAUGHT, (caught, item.config.stash[COMPARED])))
        if not caught:
            item.raise_cell_error(f"nbval does not see a changed number: {place} in what the cell puts out")
    return result


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many numbers were changed and how many of them nbval caught, in whatever process the cells ran."""
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    called = [report for report in reports if getattr(report, "when", None) == "call"]
    found = [value for report in called for name, value in report.user_properties if name == CAUGHT]
    compared = max((count for _, count in found), default=0)
    caught = sum(one for one, _ in found)
    terminalreporter.write_line(f"numbers changed: {len(found)} of {compared} that are compared; caught: {caught}")
