"""`rmlab score`."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from rmlab.cli.options import add_model, load_trained
from rmlab.data.formats.messages import NotTextError, plain
from rmlab.data.text_files import bare_line, read_json_line
from rmlab.model import RewardModel
from rmlab.model.rendering import is_message
from rmlab.printing import printable

SIDES = ("prompt", "response")
EXPECTED = '{"prompt": ..., "response": ...}, each a text or a list of {"role": ..., "content": ...} messages'


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    add_model(parser)
    parser.add_argument("--prompt", help="the prompt")
    parser.add_argument("--response", help="the response to score")


def run(options: argparse.Namespace) -> int:
    """Score responses: one from the command line, or JSON lines from standard input."""
    if (options.prompt is None) != (options.response is None):
        raise ValueError("give both --prompt and --response, or neither and JSON lines on standard input")
    model = load_trained(options)
    if options.prompt is not None:
        one = {"prompt": _text(options.prompt, "--prompt"), "response": _text(options.response, "--response")}
        for _, score in _scored(model, [Read("--prompt and --response", one, one)], options.precision):
            print(f"{score:.6f}")
        return 0
    lines = getattr(sys.stdin, "buffer", sys.stdin)  # bytes, so that an error names the line that is not UTF-8
    escaped = not (sys.stdout.encoding or "").lower().startswith("utf")  # other outputs cannot hold every character
    notes: set[str] = set()
    for records in _chunks(_records(lines, notes), 512):
        for record, score in _scored(model, records, options.precision):
            print(json.dumps({**record, "score": score}, ensure_ascii=escaped))
        sys.stdout.flush()
    for note in sorted(notes):
        print(f"rmlab: note: {printable(note)}", file=sys.stderr)
    return 0


class Read(NamedTuple):
    """A record, its place, and its prompt and response with messages in their standard form."""

    place: str
    record: dict[str, Any]
    sides: dict[str, Any]


def _scored(model: RewardModel, records: Sequence[Read], precision: Any) -> Iterator[tuple[dict[str, Any], float]]:
    """Yield each record with its score; if one cannot be scored, yield those before it, then raise its error."""
    prompts, responses = ([one.sides[name] for one in records] for name in SIDES)
    try:
        scores = model.score(prompts, responses, precision=precision).tolist()
        if not all(map(math.isfinite, scores)):
            raise ValueError("the score is not finite; the weights of the model are damaged or too large")
    except ValueError as error:
        if len(records) == 1:
            raise ValueError(f"{records[0].place}: {error}") from error
        for one in records:
            yield from _scored(model, [one], precision)
        return
    for one, score in zip(records, scores, strict=True):
        yield one.record, score


def _records(lines: Iterable[str | bytes], notes: set[str]) -> Iterator[Read]:
    """Yield each record, and add to `notes` what was read differently from its line."""
    for number, line in enumerate(lines, start=1):
        where = f"standard input, line {number}"
        bare = bare_line(line if isinstance(line, bytes) else line.encode())
        if not bare:
            continue
        record = dict(read_json_line(bare, where))
        try:
            printed = json.dumps(record, ensure_ascii=False, allow_nan=False)
        except ValueError:
            raise ValueError(f"{where}: holds NaN or an infinite number, which JSON does not allow") from None
        _text(printed, where)
        try:
            sides = {name: _plain(name, record.get(name), notes) for name in SIDES}
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from None
        if not all(map(_is_side, sides.values())):
            raise ValueError(f"{where}: expected {EXPECTED}, got {printed[:80]}")
        yield Read(where, record, sides)


def _plain(name: str, value: Any, notes: set[str]) -> Any:
    """Return messages in their standard form, but tool calls as they are, since a chat template may write them."""
    try:
        return plain(name, value, notes)
    except NotTextError:
        return value


def _is_side(value: Any) -> bool:
    """Return whether a value is text or messages."""
    return all(map(is_message, value)) if isinstance(value, list) else isinstance(value, str)


def _text(text: str, where: str) -> str:
    """Return the text. Raises ValueError if it holds half of a surrogate pair, which is not a character."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"{where}: character {error.start + 1} is half of a surrogate pair, not a character") from None
    return text


def _chunks(records: Iterator[Any], size: int) -> Iterator[list[Any]]:
    """Yield lists of at most `size` records; before an error, yield the records that came before it."""
    chunk: list[Any] = []
    try:
        for record in records:
            chunk.append(record)
            if len(chunk) == size:
                yield chunk
                chunk = []
    except ValueError:
        if chunk:
            yield chunk
        raise
    if chunk:
        yield chunk
