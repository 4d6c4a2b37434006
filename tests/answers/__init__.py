"""Right and wrong answers to every exercise, a module for each notebook: what test_check.py tries on the checks.

A module has two tables with the names of its checks: RIGHT, with answers that pass, and WRONG, with answers and words
of the message that each must get.
"""

from importlib import import_module
from pkgutil import iter_modules
from typing import Any

MODULES = [import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__)]
RIGHT: dict[str, list[Any]] = {name: answers for module in MODULES for name, answers in module.RIGHT.items()}
WRONG: dict[str, list[tuple[Any, str]]] = {
    name: answers for module in MODULES for name, answers in module.WRONG.items()
}
