"""The recorded score differences: whose they are, of which pairs, and what notebook 08 needs of them."""

import numpy as np
import pyarrow.parquet as pq
import pytest

from rmlab.datasets import course_model, dataset_card, load_recorded, recorded
from rmlab.evaluation import evaluate
from rmlab.simulate import bayes_accuracy
from rmlab.simulate.replies import KINDS, load_questions, simulate_reply_pairs


@pytest.fixture(scope="module")
def recording():
    return load_recorded()


def test_recorded_differences_are_of_thousands_of_pairs_of_every_kind_of_question_in_two_parts(recording):
    assert {len(getattr(recording, name)) for name in (*recorded.MODELS, "held_out")} == {len(recording.pairs)}
    assert recording.held_out.sum() >= 600
    assert (~recording.held_out).sum() >= 1300
    kinds = np.array(recording.pairs.groups)
    assert set(kinds[recording.held_out]) == set(kinds[~recording.held_out]) == set(KINDS)
    assert {getattr(recording, name).dtype for name in recorded.MODELS} == {np.dtype(np.float32)}


def test_no_question_is_in_both_parts_or_in_training(recording):
    prompts = np.array(list(recording.pairs.texts("prompt")))
    assert not set(prompts[recording.held_out]) & set(prompts[~recording.held_out])
    assert not set(prompts) & {question.prompt for question in load_questions(fresh=False)}


def test_other_texts_than_the_recorded_ones_are_refused(monkeypatch):
    other = simulate_reply_pairs(40, seed=9, fresh=True)
    monkeypatch.setattr(recorded, "simulate_recorded_pairs", lambda: (other.pairs, other.score_differences))
    with pytest.raises(ValueError, match=f"SHA-256 .* gave texts with {recorded.texts_sha256(other.pairs)[:12]}"):
        load_recorded()


def test_the_file_holds_differences_and_no_texts():
    table = pq.read_table(recorded.RECORDED)
    assert tuple(table.column_names) == recorded.MODELS


@pytest.mark.slow
def test_the_recorded_differences_are_those_of_the_course_models(recording):
    """A tolerance of ten times what machines differ by, so that only another model is seen."""
    models = {"trained": course_model("fair"), "twin": course_model("flattered")}
    for name, model in models.items():
        found = model.score_differences(recording.pairs[:24])
        np.testing.assert_allclose(found, getattr(recording, name)[:24], atol=1e-2)


def test_one_recording_is_good_and_another_over_confident(recording):
    test = ~recording.held_out
    good, twin, worn = (evaluate(getattr(recording, name)[test]) for name in recorded.MODELS)
    best = bayes_accuracy(recording.true_differences[test])
    assert best - 0.10 < good.accuracy < best
    assert good.accuracy > twin.accuracy > 0.6
    assert worn.accuracy > 0.53
    assert worn.log_loss > np.log(2) > good.log_loss


@pytest.mark.parametrize("name", ["course_model", "recorded"])
def test_there_is_a_card_that_says_how_to_make_it_again(name):
    assert "python -m rmlab.datasets" in dataset_card(name)
