"""Labels written to files and read back: as preference pairs (JSONL), and as the table of all entries (CSV)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path

from rmlab.atomic import write_text
from rmlab.data import PreferencePair, PreferencePairs
from rmlab.data.csv_files import without_guard, write_csv
from rmlab.data.rows import listed, read_weight
from rmlab.labels.asked_pairs import Questions, ask
from rmlab.labels.judgements import Judgement, now, rater_name, standing
from rmlab.labels.sessions import new_name
from rmlab.labels.store import LabelStore
from rmlab.printing import printable

__all__ = ["export_pairs", "export_table", "import_pairs", "import_table"]

COLUMNS = tuple(field.name for field in fields(Judgement))
_READERS = {
    "position": int,
    "showing": int,
    "swapped": {"true": True, "false": False}.__getitem__,
    "seconds": float,
}


def export_pairs(
    entries: Iterable[Judgement], questions: Questions, *, rater_weights: Mapping[str, float | str] | None = None
) -> tuple[PreferencePairs, int]:
    """Return the judgements that stand as pairs, the preferred response first; `rmlab.write_pairs` writes them.

    A pair has the group and item of its question, whether it is a tie, whether the preferred response was on the left,
    and the weight of its rater. Skips give no pair. The margin and weight of a question belong to an earlier judgement
    and are not copied.

    Parameters
    ----------
    entries, questions
        The judgements, and the pairs that were judged.
    rater_weights
        How often the pairs of a rater count in training, by the rater's name: a finite number above 0, or its text. It
        becomes the ``weight`` of each of these pairs. The pairs of a rater who is not named have weight 1.

    Returns
    -------
    The pairs, one for each judgement, and the number of judgements whose pair is not among the questions.

    Raises
    ------
    ValueError
        If there is nothing to export, if a named rater gave no judgement, or if a weight is not a finite number above
        0. In the last two cases the text names the raters that there are.
    """
    entries = list(entries)
    weights = _checked_weights(rater_weights or {}, entries)
    pairs, n_vanished = [], 0
    for entry in standing(entries):
        if entry.preferred is None:
            continue
        place = questions.places.get(entry.pair)
        if place is None:
            n_vanished += 1
            continue
        pair = questions.pairs[place]
        first_wins = entry.preferred >= 0  # in a tie the first response takes the place of the winner
        winner, loser = pair.chosen, pair.rejected
        if bool(questions.chosen_is_first[place]) != first_wins:
            winner, loser = loser, winner
        pairs.append(
            PreferencePair(
                pair.prompt,
                winner,
                loser,
                weight=weights.get(entry.rater, 1.0),
                group=pair.group,
                item=pair.item,
                tied=entry.verdict == "tie",
                chosen_first=first_wins != entry.swapped,
            )
        )
    if not pairs:
        raise ValueError(
            f"there is nothing to export: {n_vanished} judgements are of pairs that this file does not hold"
        )
    return PreferencePairs.from_list(pairs), n_vanished


def _checked_weights(rater_weights: Mapping[str, float | str], entries: Sequence[Judgement]) -> dict[str, float]:
    raters = sorted({entry.rater for entry in entries})
    there_are = f"The raters are: {listed(map(printable, raters))}."
    weights = {}
    for rater, weight in rater_weights.items():
        if rater not in raters:
            raise ValueError(f"a weight is given for rater {rater!r}, who judged nothing. {there_are}")
        try:
            weights[rater] = read_weight(f"the weight of rater {rater!r}", weight)
        except ValueError as error:
            raise ValueError(f"{error}. {there_are}") from None
    return weights


def import_pairs(
    store: LabelStore, pairs: PreferencePairs | Sequence[PreferencePair], *, rater: str
) -> tuple[int, int]:
    """Store labelled pairs as the judgements of one rater, in a new session.

    Returns
    -------
    How many were stored, and how many were left out, since they do not say which response was on the left (their
    `chosen_first`), their responses have the same text, or the same judgement of this rater was imported before.
    """
    pairs = pairs if isinstance(pairs, PreferencePairs) else PreferencePairs.from_list(pairs)
    rater = rater_name(rater)
    session, entries = new_name(), []
    before = store.judgements()
    known = {(one.pair, one.swapped, one.verdict) for one in before if one.rater == rater and one.rule == "imported"}
    for pair, chosen, rejected in zip(pairs, pairs.texts("chosen"), pairs.texts("rejected"), strict=True):
        if pair.chosen_first is None or chosen == rejected:
            continue
        question = ask([pair])
        swapped = bool(question.chosen_is_first[0]) != pair.chosen_first
        verdict = "tie" if pair.tied else "left" if pair.chosen_first else "right"
        if (question.ids[0], swapped, verdict) in known:
            continue
        n = len(entries) + 1
        entries.append(
            Judgement(session, n, f"row-{n}", n, rater, question.ids[0], swapped, verdict, 0.0, "imported", now())
        )
    return store.append(*entries), len(pairs) - len(entries)


def export_table(entries: Iterable[Judgement], path: str | Path) -> None:
    """Write every entry as a row of CSV, changed and undone ones too, completely or not at all."""
    text = io.StringIO(newline="")
    rows = [[getattr(entry, name) for name in COLUMNS] for entry in entries]
    shown = [[str(value).lower() if isinstance(value, bool) else value for value in row] for row in rows]
    write_csv(text, [COLUMNS, *shown], guard=True)
    write_text(path, text.getvalue())


def import_table(store: LabelStore, path: str | Path) -> int:
    """Store the entries of a table that `export_table` wrote; those that are in the store already are not added again.

    Returns
    -------
    How many were new.

    Raises
    ------
    ValueError
        If a column is missing, or a row cannot be read; the text names file and line. Then nothing is stored.
    PlaceTakenError
        If the store has a different entry in the place of one of these.
    """
    entries = []
    with Path(path).open(encoding="utf-8", newline="") as file:
        table = csv.DictReader(file)
        missing = [name for name in COLUMNS if name not in (table.fieldnames or ())]
        if missing:
            raise ValueError(
                f"{path}, line 1: no column {missing[0]!r}. A table of judgements has {', '.join(COLUMNS)}"
            )
        for row in table:
            try:
                entries.append(Judgement(**{name: _READERS.get(name, without_guard)(row[name]) for name in COLUMNS}))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise ValueError(f"{path}, line {table.line_num}: {error}. Correct that row, or leave it out") from None
    return store.append(*entries)
