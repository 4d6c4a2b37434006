"""`rmlab doctor`."""

from __future__ import annotations

import argparse

from rmlab.doctor import examine


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command: there are none."""


def run(options: argparse.Namespace) -> int:
    """Check whether this machine is ready for the course."""
    findings = []
    for finding in examine():
        findings.append(finding)
        print(finding, flush=True)
    short = sum(not finding.ready for finding in findings)
    print("ready for the course" if not short else f"{short} of {len(findings)} checks failed")
    return 1 if short else 0
