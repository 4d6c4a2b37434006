"""`read_pairs`: preference data from JSONL, CSV and Parquet files, or from the hub, in bounded memory.

What is wrong in syntax or schema stops the reading with one `DataError` that names the file and the line. What is wrong
in meaning (an empty response, say) is kept, flagged and counted in the report of the pairs.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path

from rmlab.data.files import Records, open_hub, open_records, reader_of
from rmlab.data.formats import OPTIONAL_COLUMNS, Format, recognise
from rmlab.data.pairs import Origin, PreferencePairs, rows_to_batch
from rmlab.data.rows import DataError, Row, encode_sides, read_optional
from rmlab.data.spill import MEMORY_LIMIT, BatchStore

__all__ = ["read_pairs"]

Source = str | os.PathLike[str]

BATCH_ROWS = 4096


def read_pairs(
    source: Source | Sequence[Source],
    *,
    split: str | None = None,
    subset: str | None = None,
    revision: str | None = None,
) -> PreferencePairs:
    r"""Read preference pairs.

    Parameters
    ----------
    source
        A path, a glob (files in alphabetical order; ``**`` for folders within folders), a list of paths, or a hub id
        such as ``"Anthropic/hh-rlhf"``. A path or a glob that exists wins over a hub id. Files end in .jsonl, .ndjson,
        .json, .csv or .parquet, all but the last also in .gz.
    split, subset, revision
        Of a hub id only: which split, which configuration, and which commit or tag.

    Returns
    -------
    PreferencePairs
        A sequence of `PreferencePair`; its ``report`` says what was recognised, read and flagged.

    Raises
    ------
    DataError
        A ValueError: a file that is empty, damaged, of no known format, or that mixes text and messages. The text names
        the file and the line (in Parquet and on the hub, the row).
    FileNotFoundError
        If no such file is there and the source cannot be a hub id.

    Notes
    -----
    The formats: ``prompt``, ``chosen``, ``rejected``, each text or a list of messages; ``chosen`` and ``rejected`` that
    begin with the prompt; Anthropic HH, dialogues written as ``\n\nHuman: ...\n\nAssistant: ...``, which become
    messages; and a ``prompt`` with ``response_a``, ``response_b`` and a ``preference`` of a, b or tie. Where both sides
    begin with the prompt, it is the longest run of turns that they share, or in text the longest common beginning, cut
    back to the end of a word. Columns ``margin``, ``group`` (or ``kind``), ``tied`` and ``chosen_first`` are read where
    they are there; every other column is named in the report.
    """
    hub = {"split": split, "subset": subset, "revision": revision}
    files = _find_files(source)
    if files is None:
        return _collect([open_hub(str(source), **hub)])
    given = [f"{name}={value!r}" for name, value in hub.items() if value is not None]
    if given:
        raise ValueError(f"{', '.join(given)} goes with a hub id, and {str(source)!r} is a file")
    return _collect(open_records(path) for path in files)


def _collect(files: Iterable[Records]) -> PreferencePairs:
    with BatchStore(MEMORY_LIMIT) as store:
        return _fill(store, files)


def _fill(store: BatchStore, files: Iterable[Records]) -> PreferencePairs:
    pending: list[Row] = []
    names: list[str] = []
    ignored: set[str] = set()
    layout: Format | None = None
    messages: bool | None = None
    for file in files:
        names.append(file.name)
        ignored.update(file.unread)
        known: frozenset[str] | None = None  # None until the first record of this file
        with closing(file.rows) as rows:
            for place, record in rows:
                if layout is None or known is None:
                    found = recognise({*record, *file.unread}, record, place)
                    layout = layout or found
                    if found[:2] != layout[:2]:
                        raise DataError(
                            f"{place}: is {found.name} ({', '.join(found.columns)}), and {names[0]} is {layout.name} "
                            f"({', '.join(layout.columns)}); read files of different formats one by one"
                        )
                    known = frozenset(layout.columns + OPTIONAL_COLUMNS)
                try:
                    sides = layout.convert(record)
                    texts, messages = encode_sides(sides, messages, ignored)
                    pending.append(Row(*texts, *read_optional(record, sides), place))
                except ValueError as error:
                    raise DataError(f"{place}: {error}") from None
                ignored.update(record.keys() - known)
                if len(pending) == BATCH_ROWS:
                    store.append(rows_to_batch(pending))
                    pending.clear()
        if known is None:
            raise DataError(f"{file.name}: holds no pairs; expected one JSON object a line, or rows under a header")
    if layout is None:
        raise DataError("an empty list of files was given; expected at least one")
    store.append(rows_to_batch(pending))
    return PreferencePairs(store.batches(), Origin(layout.name, bool(messages), tuple(names), tuple(sorted(ignored))))


# --- Where the files are --------------------------------------------------------------------------------------------


def _find_files(source: Source | Sequence[Source]) -> list[Path] | None:
    """Give the files that a source names, or None where it can only be a hub id."""
    if not isinstance(source, str | os.PathLike):
        return [path for one in source for path in _find_files(one) or _refuse(one)]
    path = Path(source)
    if path.is_dir():
        raise DataError(f"{path}: is a folder; name its files, as in {str(path / '*.jsonl')!r}")
    if path.exists():
        return [path]
    found = [Path(name) for name in sorted(glob.glob(str(source), recursive=True))]
    if found:
        return [path for path in found if path.is_file()] or _refuse(source)
    hub_id = isinstance(source, str) and re.fullmatch(r"[\w-][\w.-]*(/[\w-][\w.-]*)?", source)
    return None if hub_id and reader_of(path) is None else _refuse(source)


def _refuse(source: Source) -> list[Path]:
    raise FileNotFoundError(
        f"no file {str(source)!r} in {str(Path.cwd())!r}; expected a path, a glob or, alone, a hub id"
    )
