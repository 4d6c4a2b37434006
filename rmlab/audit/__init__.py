"""An audit of invariants that any reward model must keep, most of which people have met broken.

`audit` takes a model as it is, scores a sample of texts in several ways, and gives a table: each line kept, broken
(with the smallest example that shows it) or not applicable (with the reason). No line needs to know what is better.
`context` holds what the checks share, `checks` the checks themselves, `shrink` makes examples small.
"""

from rmlab.audit.results import Audit, CheckResult, Example
from rmlab.audit.run import CHECKS, audit
from rmlab.audit.training_run import RunAudit, audit_run

__all__ = ["CHECKS", "Audit", "CheckResult", "Example", "RunAudit", "audit", "audit_run"]
