"""The probe, in which two responses are edited and their scores follow, and the path of one pair."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rmlab.datasets import ProbePreset, load_probe_presets
from rmlab.explorer.answers import Answers
from rmlab.explorer.scorer import name_of
from rmlab.explorer.state import ExplorerState
from rmlab.explorer.widget import Explorer
from rmlab.simulate.replies import JUDGES, load_sentences

if TYPE_CHECKING:
    from rmlab.attribution import Scorer

__all__ = ["MODELS", "path", "probe", "probe_data", "probe_state"]

MODELS = {"fair": "the course's model", "flattered": "its flattered twin"}
"""The course's models as shown, by the judge that each learned from."""

CHIPS = (
    ("+ filler", "end", "filler"),
    ("+ flattery", "front", "flattery"),
    ("hedge", "front", "hedge"),
    ("refuse", "instead", "refusal"),
)
"""Edits that a click makes: the name, where the sentence goes, and the bank of the world of replies that has it."""


def probe(
    scorer: Scorer | None = None,
    state: ExplorerState | None = None,
    *,
    name: str | None = None,
    second: Scorer | None = None,
    second_name: str | None = None,
    fresh: bool = True,
) -> Explorer:
    """Show a widget in which a prompt and two responses can be edited, with the scores of a reward model.

    Parameters
    ----------
    scorer
        A `RewardModel`, or any function from n prompts and n responses to n scores. Without one nothing is scored, and
        the presets show the scores that were recorded.
    state
        A state to share with other views; by default the view has its own, which opens on the first preset.
    name
        The origin of the scores, as shown; by default the name of the function, or of the model's network.
    second, second_name
        Another scorer, which answers the same edits, and its name.
    fresh
        True if the buttons add sentences that the course's models were not trained on, False for ones that they were.

    Notes
    -----
    The scorer answers in a thread of its own. ``explorer.answers.wait()`` waits until it has.
    """
    explorer = Explorer(probe_state() if state is None else state, ("probe",), {"probe": probe_data(fresh=fresh)})
    if scorer is not None:
        other = None if second is None else (second_name or name_of(second), second)
        explorer.answers = Answers(explorer.state, scorer, name or name_of(scorer), second=other)
    return explorer


def path(state: ExplorerState | None = None) -> Explorer:
    """Show the path of one pair, from the prompt to the loss; each box opens on the numbers of that pair.

    Parameters
    ----------
    state
        A state to share with other views; by default the view has its own, which opens on the first preset.
    """
    return Explorer(probe_state() if state is None else state, ("path",))


def probe_state() -> ExplorerState:
    """Return a state that opens on the first preset of the probe, with its recorded scores."""
    return ExplorerState(**_shown(load_probe_presets()[0]), view="probe")


def probe_data(presets: Sequence[ProbePreset] | None = None, *, fresh: bool = True) -> dict[str, Any]:
    """Return what the probe shows beside the state: presets, each with recorded scores, and edits that a click makes.

    Parameters
    ----------
    presets
        By default those of `rmlab.datasets.load_probe_presets`.
    fresh
        As for `probe`.
    """
    return {
        "presets": [
            {
                "name": preset.name,
                "theme": preset.theme,
                "state": _shown(preset),
                "recorded": [[MODELS[judge], *pair] for judge, pair in preset.scores.items()],
            }
            for preset in (load_probe_presets() if presets is None else presets)
        ],
        "chips": [
            *(
                {
                    "name": name,
                    "place": place,
                    "texts": list(load_sentences(bank, fresh=fresh)),
                    "taught": _taught(bank),
                }
                for name, place, bank in CHIPS
            ),
            {"name": "shorten", "place": "shorter"},
            {"name": "delete everything", "place": "nothing"},
        ],
    }


def _taught(bank: str) -> dict[str, Any]:
    """Return the weight of a bank's sentence for the judge of each model, in nats, if it depends on nothing else."""
    weights = {name: JUDGES[judge].weights.get(bank) for judge, name in MODELS.items()}
    return {name: {"weight": weight, "of": bank} for name, weight in weights.items() if weight is not None}


def _shown(preset: ProbePreset) -> dict[str, Any]:
    (judge, scores), *_ = preset.scores.items()
    truth = preset.truth["fair"]
    return {
        "prompt": preset.prompt,
        "response_a": preset.response_a,
        "response_b": preset.response_b,
        "scores": list(scores),
        "scores_from": f"recorded, of {MODELS[judge]}",
        "winner": "a" if truth > 0 else "b" if truth < 0 else "tie",
    }
