"""The audit of a run: each line finds its own fault, leaves sound runs alone, and says what it was not given."""

import math

import numpy as np
import pytest
import torch

from rmlab.audit import audit_run
from rmlab.data import PreferencePair
from rmlab.evaluation import evaluate
from rmlab.preference import preference_loss

NAMES = ["parts apart", "labels by source", "finite loss", "step size", "prompt constant"]
TRAIN = [PreferencePair(f"What is {i} and {i}?", f"{2 * i}.", f"{2 * i + 1}.") for i in range(20)]
TEST = [PreferencePair(f"Which town lies {i} miles north of {i}?", "This.", "That.") for i in range(8)]
RNG = np.random.default_rng(0)
PROMPTS = np.repeat(np.arange(30), 10)
CHOSEN = RNG.normal(0.8, 1, 300)
REJECTED = RNG.normal(0, 1, 300)
SOURCES = [("A", "B", "C")[i % 3] for i in range(300)]


def stable(chosen: torch.Tensor, rejected: torch.Tensor) -> torch.Tensor:
    return preference_loss(chosen - rejected)


def accuracy(chosen: np.ndarray, rejected: np.ndarray) -> float:
    return evaluate(chosen - rejected).accuracy


SOUND = {
    "train": TRAIN,
    "test": TEST,
    "score_differences": CHOSEN - REJECTED,
    "sources": SOURCES,
    "loss": stable,
    "losses": np.linspace(0.7, 0.4, 50),
    "update_ratios": np.full(50, 0.004),
    "metric": accuracy,
    "scores": (CHOSEN, REJECTED),
    "prompts": PROMPTS.tolist(),
}


def test_every_line_of_a_sound_run_is_kept() -> None:
    found = audit_run(**SOUND)
    assert [result.name for result in found.results] == NAMES
    assert [result.status for result in found.results] == ["kept"] * 5
    assert str(found).endswith("5 kept, 0 broken, 0 not applicable")


SWAPPED = np.where(np.array(SOURCES) == "B", -1, 1) * np.abs(CHOSEN - REJECTED)
FAULTS = [
    ("parts apart", {"test": [*TEST, PreferencePair("what is 7 and 7", "14", "15")]}),
    ("labels by source", {"score_differences": SWAPPED}),
    ("finite loss", {"loss": lambda c, r: torch.log(torch.exp(c) + torch.exp(r)) - c}),
    ("finite loss", {"loss": lambda c, r: -torch.log(1 / (1 + torch.exp(r - c)))}),
    ("finite loss", {"losses": [0.7, 0.6, np.inf]}),
    ("finite loss", {"losses": [0.7, np.nan]}),
    ("step size", {"update_ratios": [0.001, 0.4, 0.01]}),
    ("prompt constant", {"metric": lambda c, r: float(np.mean(c[:, None] > r[None, :]))}),
    ("prompt constant", {"metric": lambda c, r: float(np.mean(c))}),
]


@pytest.mark.parametrize(("line", "change"), FAULTS)
def test_a_planted_fault_breaks_its_line_and_no_other(line, change) -> None:
    found = audit_run(**{**SOUND, **change})
    assert found.broken == (line,)
    assert found[line].example is not None
    assert found[line].remedy


def test_the_examples_name_the_prompt_the_source_and_the_step() -> None:
    shared = {**SOUND, "test": [*TEST, PreferencePair("what is 7 and 7", "14", "15")]}
    assert audit_run(**shared)["parts apart"].example.parts == {"prompt": "what is 7 and 7"}
    assert audit_run(score_differences=SWAPPED, sources=SOURCES)["labels by source"].example.parts == {"source": "B"}
    assert audit_run(losses=[0.7, 0.6, np.inf])["finite loss"].example.numbers == {"step": 3}
    steps = audit_run(update_ratios=[0.001, 0.4, 0.01])["step size"].example.numbers
    assert steps == {"step": 2, "share of the norm": 0.4}


@pytest.mark.parametrize("differences", [-np.abs(CHOSEN - REJECTED), RNG.normal(size=300), np.zeros(300)])
def test_a_model_that_is_wrong_everywhere_does_not_accuse_one_source(differences) -> None:
    assert audit_run(score_differences=differences, sources=SOURCES).broken == ()


def test_labels_by_source_are_rarely_accused_by_chance() -> None:
    rng = np.random.default_rng(1)
    accused = sum(
        bool(audit_run(score_differences=rng.normal(0.3, 1, 300), sources=SOURCES).broken) for _ in range(100)
    )
    assert accused <= 2


def test_what_was_not_given_is_not_applicable() -> None:
    found = audit_run(losses=[0.7, 0.6])
    assert [result.name for result in found.results if result.status == "kept"] == ["finite loss"]
    assert {result.found for result in found.results if result.status == "not applicable"} == {
        "what it needs was not given"
    }
    one_source = audit_run(score_differences=[1.0, -1.0], sources=["A", "A"])["labels by source"]
    assert one_source.status == "not applicable"


@pytest.mark.parametrize(
    ("given", "names"),
    [({}, ["losses"]), ({"train": TRAIN}, ["train", "test"]), ({"metric": accuracy}, ["scores", "prompts"])],
)
def test_too_little_is_refused_with_what_is_missing(given, names) -> None:
    with pytest.raises(ValueError, match="give") as refused:
        audit_run(**given)
    assert all(name in str(refused.value) for name in names)


def test_a_line_that_does_not_exist_is_named() -> None:
    with pytest.raises(KeyError, match="parts apart"):
        audit_run(losses=[0.7])["loss"]


def test_names_may_be_arrays_and_a_missing_name_is_one_source():
    rng = np.random.default_rng(0)
    d = np.r_[np.where(rng.random(200) < 0.85, 1.0, -1.0), np.where(rng.random(300) < 0.1, 1.0, -1.0)]
    names = np.array(["a.csv"] * 200 + ["b.csv"] * 300)
    for sources in (names, ["a.csv"] * 200 + [math.nan] * 300):
        assert audit_run(score_differences=d, sources=sources).broken == ("labels by source",)
    assert not audit_run(metric=lambda c, r: float(np.mean(c > r)), scores=(d, -d), prompts=names).broken
