"""`rmlab score`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from typing import IO, Any

from rmlab.commands.options import add_model
from rmlab.model import RewardModel


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the options."""
    add_model(parser)
    parser.add_argument("--prompt", help="the prompt")
    parser.add_argument("--response", help="the response to score")


def run(options: argparse.Namespace) -> int:
    """Score responses: one from the command line, or JSON lines from standard input."""
    if (options.prompt is None) != (options.response is None):
        raise ValueError("give both --prompt and --response, or neither and JSON lines on standard input")
    model = RewardModel.from_pretrained(options.model, revision=options.revision)
    if options.prompt is not None:
        print(f"{model.score([options.prompt], [options.response], precision=options.precision)[0]:.6f}")
        return 0
    for records in _chunks(_records(sys.stdin), 512):
        prompts, responses = ([record[name] for record in records] for name in ("prompt", "response"))
        for record, score in zip(records, model.score(prompts, responses, precision=options.precision), strict=True):
            print(json.dumps({**record, "score": float(score)}, ensure_ascii=False))
        sys.stdout.flush()
    return 0


def _records(file: IO[str]) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(file, start=1):
        if not line.strip():
            continue
        where = f"standard input, line {number}"
        try:
            record = json.loads(line)
        except ValueError as error:
            raise ValueError(f"{where}: not JSON ({error})") from None
        wanted = [record.get(name) for name in ("prompt", "response")] if isinstance(record, dict) else [None]
        if not all(isinstance(text, str | list) for text in wanted):
            raise ValueError(f'{where}: expected {{"prompt": ..., "response": ...}}, got {line.strip()[:80]}')
        yield record


def _chunks(records: Iterator[dict[str, Any]], size: int) -> Iterator[list[dict[str, Any]]]:
    chunk: list[dict[str, Any]] = []
    for record in records:
        chunk.append(record)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
