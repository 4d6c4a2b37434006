"""`rmlab lab`."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from rmlab.cli import doctor

CONFIG = Path(__file__).parent / "jupyter_config"
"""Settings of JupyterLab: no prompt about its news covers the first notebook. The reader's own settings win."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("--no-browser", action="store_true", help="start the server only, and print its address")
    parser.add_argument("--port", type=int, help="port to listen on (default: 8888, or the next one free)")


def run(options: argparse.Namespace) -> int:
    """Open JupyterLab on the course."""
    folder = doctor.find_notebooks()
    if folder is None:
        raise ValueError("no notebooks/00_start.ipynb here; clone the project and run this in its folder")
    command = [sys.executable, "-m", "jupyterlab", f"--notebook-dir={folder.parent}"]
    command += ["--LabApp.default_url=/lab/tree/notebooks/00_start.ipynb"]
    command += ["--no-browser"] if options.no_browser else []
    command += [f"--port={options.port}"] if options.port else []
    command += ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    paths = [os.environ.get("JUPYTER_CONFIG_PATH"), str(CONFIG)]
    environment = {**os.environ, "JUPYTER_CONFIG_PATH": os.pathsep.join(filter(None, paths))}
    if os.name == "posix":
        os.execve(sys.executable, command, environment)  # so that stopping this process stops the server
    return subprocess.run(command, env=environment).returncode
