"""`read_pairs` reads preference data from JSONL, CSV and Parquet files, or from the hub, in bounded memory.

A fault of syntax or schema stops the reading with one `DataError` that names the file and the line. A pair with a fault
of meaning, such as an empty response, is kept, flagged and counted in the report of the pairs.
"""

from __future__ import annotations

import glob
import math
import os
import re
from collections import Counter
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path

from rmlab.data.files import Records, open_hub, open_records, reader_of
from rmlab.data.formats import Format, NoPairError, Record, columns_to_read, message_sides, recognise, unpack_sides
from rmlab.data.formats.base import PAIRS_LIMIT
from rmlab.data.gather import gather
from rmlab.data.pairs import Origin, PreferencePairs, rows_to_batch
from rmlab.data.rows import DataError, Row, encode_sides, read_optional
from rmlab.data.spill import MEMORY_LIMIT, BatchStore

__all__ = ["read_pairs"]

Source = str | os.PathLike[str]

BATCH_ROWS = 4096
SHOWN = 5
"""How many bad records the report shows."""


def read_pairs(
    source: Source | Sequence[Source],
    *,
    split: str | None = None,
    subset: str | None = None,
    revision: str | None = None,
    rating: str | None = None,
    margin_per_point: float | None = None,
    skip_bad: bool = False,
) -> PreferencePairs:
    """Read preference pairs.

    Parameters
    ----------
    source
        A path, a glob (files in alphabetical order; ``**`` for folders within folders), a list of paths or globs, or a
        hub id such as ``"Anthropic/hh-rlhf"``. A path or a glob that exists wins over a hub id. File names end in
        .jsonl, .ndjson or .json (one object per line, or an array of them), in .csv or .tsv (separated by commas,
        semicolons, tabs or bars), or in .parquet, .arrow or .feather, in upper or lower case. All but the last three
        may also end in .gz. A folder must be one that ``Dataset.save_to_disk`` wrote. Text is UTF-8, or UTF-16 or
        UTF-32 with a byte-order mark.
    split, subset, revision
        For a hub id only: which split, which configuration, and which commit or tag.
    rating
        For rated responses only: the rating to compare them by, such as "correctness" for HelpSteer. The default is
        ``helpfulness`` for HelpSteer, ``overall_score`` for UltraFeedback, and ``rating`` or ``score`` for other
        tables. "safer_response_id" compares by the safer response of PKU-SafeRLHF.
    margin_per_point
        How many log-odds (nats) one point of a rating, or of a preference's strength, is worth. A strength is not in
        log-odds, so without this there are no margins except those of a column ``margin``.
    skip_bad
        Leave out each record that cannot be read, and count it in the report, which shows the first five with their
        lines. By default the first one stops the reading. A file that is damaged as a whole always stops it.

    Returns
    -------
    PreferencePairs
        A sequence of `PreferencePair`; its ``report`` shows what was recognised, read and flagged.

    Raises
    ------
    DataError
        If a file is empty, damaged, of no known format, or mixes text and messages. It is a ValueError, and its text
        names the file and the line (in Parquet and on the hub, the row).
    ValueError
        If an option does not suit the source, such as `margin_per_point` for data without ratings or strengths.
    ImportError
        If the source can only be a hub id, and the package ``datasets`` is not installed.
    FileNotFoundError
        If there is no such file and the source cannot be a hub id.

    Notes
    -----
    A format is recognised by a file's columns and first record. A record holds a chosen and a rejected response, two
    responses and a preference, or rated or ranked responses, of which every two in a set are compared. docs/formats.md
    lists all formats, with their columns and what becomes of a record.

    Equal ratings are a tie. The optional fields of a `PreferencePair` are read if they are there. The report names
    every other column, and its ``notes`` list what was read differently from the file. Two judgements of the same
    responses are two pairs. A sound record that holds no comparison, such as one response alone, is counted in the
    report, and so is a blank row of CSV.

    A record of JSON and a line or cell of CSV may have at most 16 MiB after unpacking, a file 1,000 columns, and a
    record 100,000 comparisons.
    """
    hub = {"split": split, "subset": subset, "revision": revision}
    if margin_per_point is not None and not (math.isfinite(margin_per_point) and margin_per_point > 0):
        raise ValueError(f"margin_per_point must be above 0 and finite, in log-odds, got {margin_per_point!r}")
    files = _find_files(source)
    wanted = partial(columns_to_read, rating=rating)
    if files is None:
        opened: Iterable[Records] = [open_hub(str(source), wanted, **hub)]
    else:
        given = [f"{name}={value!r}" for name, value in hub.items() if value is not None]
        if given:
            raise ValueError(f"{', '.join(given)} goes with a hub id, and {str(source)!r} is a file")
        opened = (open_records(path, wanted) for path in files)
    with BatchStore(MEMORY_LIMIT) as store:
        return _fill(store, _Reading(opened, rating, skip_bad), margin_per_point)


@dataclass
class _Reading:
    """The records of all files, one after another, and what was learnt about the files on the way."""

    files: Iterable[Records]
    rating: str | None
    skip_bad: bool
    names: list[str] = field(default_factory=list)
    ignored: set[str] = field(default_factory=set)
    layout: Format | None = None
    without_pairs: Counter[str] = field(default_factory=Counter)
    n_bad: int = 0
    bad: list[str] = field(default_factory=list)

    def refuse(self, fault: DataError) -> None:
        """Count a record that cannot be read, or stop the reading."""
        if not self.skip_bad:
            raise fault
        self.n_bad += 1
        if len(self.bad) < SHOWN:
            self.bad.append(str(fault))

    def leave_out(self, reason: NoPairError) -> None:
        """Count a sound record without a comparison."""
        self.without_pairs[str(reason)] += 1

    def left_out(self) -> list[str]:
        """Return why records gave no pairs, for the error of a file in which none did."""
        return [f"{n:,} {reason}" for reason, n in self.without_pairs.items()] + self.bad[:1]

    def records(self) -> Generator[tuple[str, Record], None, None]:
        """Yield each place and record; `layout` is known from the first one on."""
        for file in self.files:
            self.names.append(file.name)
            self.ignored.update(_shown(file.unread))
            known: frozenset[str] | None = None  # None until the first record of this file
            with closing(file.rows) as rows:
                for place, record in rows:
                    if isinstance(record, NoPairError):
                        self.leave_out(record)
                        continue
                    if isinstance(record, ValueError):
                        self.refuse(DataError(str(record)))
                        continue
                    if known is None:
                        known = self._recognise({*record, *file.unread}, record, place).known
                    self.ignored.update(_shown(record.keys() - known))
                    yield place, record
            if known is None:
                bad = f" ({self.bad[0]})" if self.bad else ""
                raise DataError(
                    f"{file.name}: holds no pairs; expected one JSON object per line, or rows under a header{bad}"
                )

    def _recognise(self, columns: set[str], record: Record, place: str) -> Format:
        found = recognise(columns, record, place, rating=self.rating)
        self.layout = self.layout or found
        if (found.name, found.columns) != (self.layout.name, self.layout.columns):
            raise DataError(
                f"{place}: is {found.name} ({', '.join(found.columns)}), and {self.names[0]} is {self.layout.name} "
                f"({', '.join(self.layout.columns)}); read files of different formats one by one"
            )
        return found


def _shown(names: Iterable[str]) -> Iterable[str]:
    """Return names of columns in a form that can be printed: half a surrogate pair as an escape."""
    return (name.encode("utf-8", "backslashreplace").decode() for name in names)


def _fill(store: BatchStore, reading: _Reading, margin_per_point: float | None) -> PreferencePairs:
    pending: list[Row] = []
    messages: bool | None = None
    as_text: frozenset[str] | None = None  # the sides that hold messages as text, by the first comparison
    n_sets = n_pairs = 0
    layout, records = _begin(reading)
    if margin_per_point is not None and not layout.strengths:
        raise ValueError(f"margin_per_point needs ratings or strengths, and {reading.names[0]} is {layout.name}")
    with closing(records):
        for place, record in records:
            n_sets += 1
            rows: list[Row] = []
            kind = messages
            at = place
            carried = {name: record[name] for name in layout.carries if name in record}
            try:
                for sides in islice(layout.convert(record), PAIRS_LIMIT + 1):
                    if isinstance(sides, NoPairError):
                        reading.leave_out(sides)
                        continue
                    if len(rows) == PAIRS_LIMIT:
                        raise ValueError(
                            f"holds more than {PAIRS_LIMIT:,} comparisons, the most that are read from one record"
                        )
                    at = sides.source or place
                    if layout.sets and sides.item is None:
                        sides = sides._replace(item=n_sets)
                    as_text = message_sides(sides) if as_text is None else as_text
                    sides = unpack_sides(sides, as_text, layout.notes)
                    texts, kind = encode_sides(sides, kind, reading.ignored)
                    optional = read_optional(carried, sides, margin_per_point)
                    rows.append(_checked(Row(*texts, *optional, at)))
            except NoPairError as reason:
                reading.leave_out(reason)
                continue
            except RecursionError:
                reading.refuse(DataError(f"{at}: is nested too deeply"))
                continue
            except ValueError as error:
                reading.refuse(DataError(f"{at}: {error}"))
                continue
            messages = kind
            n_pairs += len(rows)
            pending += rows
            while len(pending) >= BATCH_ROWS:
                store.append(rows_to_batch(pending[:BATCH_ROWS]))
                del pending[:BATCH_ROWS]
    if not n_pairs:
        raise DataError(f"{', '.join(reading.names)}: holds no pairs ({layout.name}): {'; '.join(reading.left_out())}")
    store.append(rows_to_batch(pending))
    origin = Origin(
        layout.name, bool(messages), tuple(reading.names), tuple(sorted(reading.ignored)), dict(reading.without_pairs),
        notes=tuple(sorted(layout.notes)), n_bad=reading.n_bad, bad=tuple(reading.bad),
    )  # fmt: skip
    return PreferencePairs(store.batches(), origin)


def _checked(row: Row) -> Row:
    """Refuse text that is not Unicode. Raises ValueError without file and line."""
    for value in (row.prompt, row.chosen, row.rejected, row.group, row.item):
        if value is not None and not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError as error:
                half = ascii(value[error.start])
                raise ValueError(f"holds half of a surrogate pair ({half}), which is not Unicode text") from None
    return row


def _begin(reading: _Reading) -> tuple[Format, Generator[tuple[str, Record], None, None]]:
    """Read the first record, which determines the format; return the format and all records, rated ones in sets."""
    records = reading.records()
    first = next(records, None)
    if not reading.names:
        raise DataError("an empty list of files was given; expected at least one")
    if first is None or reading.layout is None:
        raise DataError(f"{', '.join(reading.names)}: holds no pairs ({'; '.join(reading.left_out())})")

    def from_the_first() -> Generator[tuple[str, Record], None, None]:
        with closing(records):
            yield first
            yield from records

    return reading.layout, from_the_first() if reading.layout.rate is None else gather(
        from_the_first(), reading.layout, reading.refuse, reading.leave_out
    )


# --- Where the files are --------------------------------------------------------------------------------------------


def _find_files(source: Source | Sequence[Source]) -> list[Path] | None:
    """Return the files that a source names, or None if it can only be a hub id."""
    if not isinstance(source, str | os.PathLike):
        return [path for one in source for path in _find_files(one) or _refuse(one)]
    path = Path(source)
    if path.exists():
        return [path]
    found = [Path(name) for name in sorted(glob.glob(str(source), recursive=True))]
    if found:
        return [path for path in found if path.is_file()] or _refuse(source)
    hub_id = isinstance(source, str) and re.fullmatch(r"[\w-][\w.-]*(/[\w-][\w.-]*)?", source)
    return None if hub_id and reader_of(path) is None else _refuse(source)


def _refuse(source: Source) -> list[Path]:
    raise FileNotFoundError(
        f"no file {str(source)!r} in {str(Path.cwd())!r}; expected a path, a glob, or a single hub id"
    )
