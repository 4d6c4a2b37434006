"""Changes of responses and prompts that should not move the scores of a reward model, or should not raise them.

`SURFACE` keeps the meaning, and `CODE` keeps that of code. `CONTENT` changes what is said, and is compared with a
control of the same length. Each has a name, a reason and a source, which docs/robustness.md lists. A change of your own
is a function: see `transform_of`.
"""

from rmlab.audit.transforms.code_changes import CODE
from rmlab.audit.transforms.content_changes import CONTENT
from rmlab.audit.transforms.contest import Change, Contest, Transform, load_transform, transform_of
from rmlab.audit.transforms.surface_changes import SURFACE

__all__ = [
    "CODE",
    "CONTENT",
    "SURFACE",
    "TRANSFORMS",
    "Change",
    "Contest",
    "Transform",
    "load_transform",
    "transform_of",
]

TRANSFORMS: tuple[Transform, ...] = (*SURFACE, *CODE, *CONTENT)
"""All changes, in the order of the table."""
