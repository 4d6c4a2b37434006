"""An audit of invariants that any reward model must keep. Most of them have been found broken in practice.

`audit` takes a model as it is, scores a sample of texts in several ways, and returns a table. Each line is kept, broken
(with the smallest example that shows it) or not applicable (with the reason). No line needs to know which response is
better. `context` holds what the checks share, `checks` the checks themselves, `shrink` makes examples small.

`robustness` measures, for any model or function of texts, by how much changes that should not matter move the scores.
`transforms` holds the changes, `contests` lays out what is compared, `text_scores` scores each text once.
"""

from rmlab.audit.checks import CHECKS
from rmlab.audit.results import Audit, CheckResult, Example
from rmlab.audit.run import audit
from rmlab.audit.shift_results import Robustness, Shift
from rmlab.audit.shifts import robustness
from rmlab.audit.training_run import RunAudit, audit_run
from rmlab.audit.transforms import TRANSFORMS, Transform, transform_of

__all__ = [
    "CHECKS",
    "TRANSFORMS",
    "Audit",
    "CheckResult",
    "Example",
    "Robustness",
    "RunAudit",
    "Shift",
    "Transform",
    "audit",
    "audit_run",
    "robustness",
    "transform_of",
]
