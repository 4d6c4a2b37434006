"""Changes of responses and prompts that should not move the scores of a reward model, or should not raise them.

`SURFACE` keeps the meaning; `CODE` does so where there is code; `CONTENT` says something against a control of the same
length. Each has a name, a reason and a source; docs/robustness.md lists them. One of one's own is a function: see
`transform_of`.
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
