"""Judgements of people: how they are asked for and stored, and what they show about the raters.

- `LabelStore`: an append-only record in a database; `Judgement` is one entry, and `standing` returns those that count;
- `Questions` and `Session`: which pair a rater is shown next, on which sides, and which pairs come back;
- `agreement`: self-consistency, side bias, agreement, the ceiling, camps;
- `fit_rewarded`: which attributes of a response its raters reward; `fit_camps`: the same for each of two camps;
- `simulate_panel`: judges whose rewards are known, in place of people;
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
from rmlab.labels.import_export import export_pairs, export_table, import_pairs, import_table
from rmlab.labels.judgements import Judgement, rater_name, standing
from rmlab.labels.rater_agreement import Agreement, Estimate, RaterRecord, agreement, krippendorff_alpha
from rmlab.labels.rewarded import Rewarded, Weight, fit_camps, fit_rewarded
from rmlab.labels.rules import ByDisagreement, ByInformation, ByRandom
from rmlab.labels.sessions import Session, Showing
from rmlab.labels.simulated_panel import simulate_panel
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
