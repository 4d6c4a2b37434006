"""How a benchmark reports its targets: the line with a target's figure also says ``met`` or ``MISSED``."""

MISSED = "MISSED"


def verdict(met: bool) -> str:
    """Return the word for a target that is met or missed; `_run_all.py` lists the lines of those that are missed."""
    return "met" if met else MISSED
