"""The `rmlab` command; ``rmlab COMMAND --help`` describes each of its commands.

Exit status: 0 if done, 1 if a check failed, 2 for bad input (with one line that says what and where), 130 if
interrupted.
"""

from __future__ import annotations

import argparse
import importlib
import io
import sys
from collections.abc import Sequence

from rmlab.cli import COMMANDS
from rmlab.printing import printable

BAD_INPUT = (ValueError, OSError, RecursionError)
"""DataError, ModelError and TrainingError are ValueErrors; JSON of a thousand levels raises a RecursionError."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a redirected one may not hold every character, as on Windows
            stream.reconfigure(errors="backslashreplace")
    parser = _parser(arguments[:1])
    options, unknown = parser.parse_known_args(arguments)
    if unknown:
        parser.error(f"unrecognized arguments: {' '.join(unknown)}; rmlab {arguments[0]} --help lists those that exist")
    try:
        return options.run(options)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output has gone, as in `rmlab score ... | head`
        sys.stderr.close()
        return 0
    except BAD_INPUT as error:
        print(f"rmlab: {printable(error)}", file=sys.stderr)
        return 2


def _parser(chosen: Sequence[str]) -> argparse.ArgumentParser:
    """Return the parser of the commands, with options only for the `chosen` one, since other modules may load torch."""
    parser = argparse.ArgumentParser(
        "rmlab", allow_abbrev=False, description="Reward models learned from pairwise preferences."
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, about in COMMANDS.items():
        sub = commands.add_parser(name, help=about, description=about, allow_abbrev=False)
        if [name] == list(chosen):
            module = importlib.import_module(f"rmlab.cli.{name}")
            module.configure(sub)
            sub.set_defaults(run=module.run)
    return parser


if __name__ == "__main__":
    sys.exit(main())
