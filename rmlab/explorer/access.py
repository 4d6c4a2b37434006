"""The token of a served explorer, and a way to open a browser on it that hides the token from other users."""

from __future__ import annotations

import html
import os
import re
import secrets
import tempfile
import threading
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["kept_token", "new_token", "open_browser", "redirect_file"]

REDIRECT = """\
<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta http-equiv="refresh" content="0; url={address}"><title>rmlab</title></head>
<body><a href="{address}">The explorer</a></body>
</html>
"""


def new_token() -> str:
    """Return a token that nobody can guess."""
    return secrets.token_urlsafe(24)


def kept_token(port: int) -> str:
    """Return the token of the last run on a port, so that a page that is still open finds the next run.

    It is kept in a file that only this user can read, as Jupyter keeps the secret of its cookies. If none can be
    kept, a new token is returned.
    """
    home = os.environ.get("XDG_STATE_HOME")
    file = (Path(home) if home else Path.home() / ".local" / "state") / "rmlab" / f"explore-{port}.token"
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if file.is_file() and (found := file.stat()).st_uid == os.getuid() and not found.st_mode & 0o077:
            kept = file.read_text(encoding="ascii")
            if re.fullmatch(r"[\w-]{32}", kept):
                return kept
        file.unlink(missing_ok=True)
        token = new_token()
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as stream:
            stream.write(token)
    except (OSError, ValueError, RuntimeError, AttributeError):  # no home, a full disk, no text; Windows has no owner
        return new_token()
    return token


@contextmanager
def redirect_file(address: str) -> Iterator[Path]:
    """Write a file that leads a browser to an address, and remove it at the end.

    Every user can read the command line of a browser, so it names this file, which only its owner can read.
    """
    with tempfile.TemporaryDirectory(prefix="rmlab-") as folder:  # of mode 0700
        file = Path(folder) / "open.html"
        file.touch(0o600)
        file.write_text(REDIRECT.format(address=html.escape(address)), encoding="utf-8")
        yield file


def open_browser(file: Path) -> None:
    """Open a file in the user's browser, in a thread, since a browser without a window runs until it is closed."""
    threading.Thread(target=webbrowser.open, args=(file.as_uri(),), name="rmlab browser", daemon=True).start()
