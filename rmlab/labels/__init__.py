"""Judgements of people: kept, drawn, and asked what they say of those who gave them.

- `LabelStore`: an append-only record in a database; `Judgement` is one entry, `standing` what is left after undos;
- `Questions` and `Session`: what is put to a rater next, on which sides, and what comes back;
- `agreement`: self-consistency, side bias, agreement, the ceiling, camps;
- `fit_rewarded`: which attributes of a response its raters reward; `fit_camps`: of two camps, each by itself;
- `simulate_panel`: judges whose rewards are known, in the place of people;
- `export_pairs`, `export_table`, `import_pairs`, `import_table`: files in and out.
"""

try:
    import sqlalchemy as _sqlalchemy  # noqa: F401
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "rmlab.labels needs SQLAlchemy, which comes with the lab extra: "
        "python -m pip install 'reward-model-lab[lab]', or `make lab` in the checkout"
    ) from error

from rmlab.labels.asked_pairs import Questions, ask
from rmlab.labels.camps import Camps, find_camps
from rmlab.labels.exchange import export_pairs, export_table, import_pairs, import_table
from rmlab.labels.judgements import Judgement, rater_name, standing
from rmlab.labels.panel import simulate_panel
from rmlab.labels.rater_agreement import Agreement, Estimate, RaterRecord, agreement, krippendorff_alpha
from rmlab.labels.rewarded import Rewarded, Weight, fit_camps, fit_rewarded
from rmlab.labels.rules import ByDisagreement, ByInformation, ByRandom
from rmlab.labels.sessions import Session, Showing
from rmlab.labels.store import LabelStore, PlaceTakenError, StoreError
from rmlab.labels.traits import Traits, traits_of

__all__ = [
    "Agreement",
    "ByDisagreement",
    "ByInformation",
    "ByRandom",
    "Camps",
    "Estimate",
    "Judgement",
    "LabelStore",
    "PlaceTakenError",
    "Questions",
    "RaterRecord",
    "Rewarded",
    "Session",
    "Showing",
    "StoreError",
    "Traits",
    "Weight",
    "agreement",
    "ask",
    "export_pairs",
    "export_table",
    "find_camps",
    "fit_camps",
    "fit_rewarded",
    "import_pairs",
    "import_table",
    "krippendorff_alpha",
    "rater_name",
    "simulate_panel",
    "standing",
    "traits_of",
]
