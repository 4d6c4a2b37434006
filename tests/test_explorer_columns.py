"""What the views of pairs, film and two models show: the columns, without a browser."""

import json
import re

import numpy as np
import pytest

from rmlab import explorer
from rmlab.data import PreferencePair, pair_ids
from rmlab.datasets import load_everyday, load_recorded
from rmlab.evaluation import compare_models, evaluate
from rmlab.explorer.comparison_columns import comparison_columns
from rmlab.explorer.film_frames import film_frames, head_outputs
from rmlab.explorer.judge_columns import add_live_views
from rmlab.explorer.pair_columns import TEXT_BUDGET, pair_columns
from rmlab.explorer.score_sources import as_pairs, length_score
from rmlab.preference import preference_loss
from rmlab.training import HeldOutEvaluation, History, TrainingConfig, TrainingStep

PAIRS = [
    PreferencePair("Name a river.", "The Elbe.", "Rome.", group="facts"),
    PreferencePair("Name a river.", "The Rhine", "A long answer that names none.", group="facts"),
    PreferencePair("Say hello.", "Hello", "Go away", group="tone"),
    PreferencePair("Say hello.", "Hi", "Hey", tied=True),
]
DIFFERENCES = np.array([2.0, -1.0, 0.0, 3.0])


def run(differences: list[list[float]], held_out: list[PreferencePair] | None = None, n_pairs: int = 1) -> History:
    evaluations = tuple(
        HeldOutEvaluation(5 * i, evaluate([1.0] * n_pairs), np.array(d)) for i, d in enumerate(differences)
    )
    step = TrainingStep(1, 1.0, 16, 0.7, 0.5, 0.0, 1.0, 1e-4, 99, 1.0, evaluations)
    ids = pair_ids(as_pairs(held_out or []))
    return History((step,), TrainingConfig(), 16, {}, {}, "padded rows", None, (), tuple(ids))


def test_pair_columns_say_what_evaluation_says():
    columns = json.loads(json.dumps(pair_columns(DIFFERENCES, PAIRS), allow_nan=False))
    assert columns["difference"] == [2, -1, 0, 3]
    assert columns["length_difference"] == [4, -21, -2, -1]
    assert [columns["groups"][i] if i >= 0 else None for i in columns["group"]] == ["facts", "facts", "tone", None]
    # the tied pair is a label half wrong either way
    halves = (preference_loss(3.0) + preference_loss(-3.0)) / 2
    assert columns["disagreement"] == pytest.approx([*preference_loss(DIFFERENCES[:3]), halves])
    found = evaluate(DIFFERENCES[:3], clusters=["a", "a", "b"])
    assert columns["evaluation"]["accuracy_interval"] == list(found.accuracy_interval)
    assert columns["evaluation"]["calibration"] == json.loads(json.dumps(found.to_dict()))["calibration"]
    assert columns["flags"]["tied"] == [3]
    assert any("1 of 4 pairs were judged a tie" in note for note in columns["notes"])


def test_pair_columns_of_a_callable_and_of_recorded_differences():
    by_length = pair_columns(length_score, PAIRS)
    assert by_length["scores"] == [[len(text) / 100 for text in texts] for texts in zip(
        *[(pair.chosen, pair.rejected) for pair in PAIRS], strict=True)]  # fmt: skip
    assert by_length["cluster"] == [0, 0, 1, 1]
    assert pair_columns(DIFFERENCES, PAIRS)["scores"] is None
    assert by_length["difference"] == pytest.approx([0.04, -0.21, -0.02, -0.01])
    recorded = load_recorded()
    columns = pair_columns(recorded.trained, recorded.pairs)
    assert np.array_equal(np.array(columns["difference"], dtype=np.float32), recorded.trained)
    assert sorted(columns["groups"]) == ["brief", "harmful", "plain", "uncertain"]


def test_pair_columns_of_a_model_tell_which_pairs_were_cut():
    from rmlab.model import RewardModel

    model = RewardModel.from_pretrained("tiny-encoder", seed=0, max_length=32)
    long = "word " * 100
    pairs = [
        *PAIRS[:1],
        PreferencePair("Why?", "because " + long, "although " + long),
        PreferencePair("Why?", long + "yes", long + "no"),
    ]
    columns = pair_columns(model, pairs)
    assert columns["flags"]["cut"] == [1, 2]
    assert columns["flags"]["made equal by cutting"] == [1]
    assert columns["difference"][1] == 0
    sides = [model.score([pair.prompt for pair in pairs], [getattr(pair, side) for pair in pairs]) for side in
             ("chosen", "rejected")]  # fmt: skip
    np.testing.assert_allclose(columns["scores"], sides, atol=1e-5)
    assert np.array_equal(np.float32(columns["difference"]), model.score_differences(pairs))


@pytest.mark.parametrize(
    ("pairs", "differences", "said"),
    [
        ([], [], "There are no pairs here"),
        (PAIRS[:1], [1.0], "One cluster says almost nothing"),
        (PAIRS[:3], [0.0, 0.0, 0.0], "Every pair has equal scores"),
        (PAIRS[3:], [1.0], "were judged a tie"),
        ([PreferencePair("p", "", "x"), PreferencePair("p", "y", "y")], [1.0, 0.0], "1 of 2 pairs have an empty"),
    ],
)
def test_pair_columns_say_what_there_is_too_little_of(pairs, differences, said):
    columns = pair_columns(differences, pairs)
    assert any(said in note for note in columns["notes"]), columns["notes"]
    json.dumps(columns, allow_nan=False)


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        ([1.0, 2.0], r"one for each of the 4 pairs, got 2"),
        ([1.0, 2.0, np.nan, 0.0], r"finite, got nan at index 2"),
        (np.zeros((4, 1)), r"shape \(n_pairs,\), got \(4, 1\)"),
        (lambda prompts, responses: [1.0], r"one score for each of 8 responses, shape \(8,\), got \(1,\)"),
    ],
)
@pytest.mark.parametrize("columns", [pair_columns, lambda s, p: comparison_columns(DIFFERENCES, s, p)])
def test_scores_that_do_not_fit_the_pairs_are_one_error(columns, scores, said):
    with pytest.raises(ValueError, match=said):
        columns(scores, PAIRS)


def test_long_texts_are_cut_to_a_budget_and_short_ones_are_not():
    pairs = [PreferencePair("p", "é" * 100_000, "x" * 50_000)] + PAIRS * 5
    columns = pair_columns(np.ones(len(pairs)), pairs)
    size = sum(len(text.encode()) for side in ("prompt", "chosen", "rejected") for text in columns[side])
    assert 0.9 * TEXT_BUDGET * len(pairs) < size <= TEXT_BUDGET * len(pairs) + 10
    assert columns["chosen"][0].endswith("é…")
    assert columns["chosen"][1:] == [pair.chosen for pair in pairs[1:]]
    assert {side: list(rows) for side, rows in columns["whole"].items()} == {
        "prompt": [],
        "chosen": ["0"],
        "rejected": ["0"],
    }
    assert "are shown cut" in columns["text_note"]
    assert columns["length_difference"][0] == 50_000
    assert pair_columns(DIFFERENCES, PAIRS)["text_note"] == ""


def test_a_page_whose_own_model_reads_the_texts_has_them_whole():
    long = PreferencePair("p", "é" * 100_000, "x" * 50_000)
    shown = {"pairs": pair_columns(np.ones(1), [long])}
    _, data = add_live_views(("pairs",), shown, [long])
    assert (data["pairs"]["chosen"], data["pairs"]["rejected"]) == ([long.chosen], [long.rejected])
    assert data["pairs"]["text_note"] == ""
    assert not any(data["pairs"]["whole"].values())
    assert shown["pairs"]["chosen"][0].endswith("é…")


def test_film_frames_follow_the_run():
    history = run([[0.0, 0.0, 0.0], [0.1, -0.2, 0.5], [1.0, -0.5, 2.0]], PAIRS[:3], n_pairs=3)
    film = json.loads(json.dumps(film_frames(history, PAIRS[:3]), allow_nan=False))
    assert film["steps"] == [0, 5, 10]
    assert film["differences"] == [[0, 0, 0], [0.1, -0.2, 0.5], [1, -0.5, 2]]
    assert film["followed"] == 0  # the median of the last frame
    assert film["rows"] == [0, 1, 2]
    assert film["notes"] == []
    assert film["evaluations"][0]["log_loss"] == evaluate([1.0]).log_loss
    assert film_frames(history)["rows"] == [None] * 3


def test_film_frames_of_a_real_run_leave_out_what_training_left_out():
    from rmlab.model import RewardModel
    from rmlab.training import TrainingConfig, train

    pairs = list(load_everyday()[:6])
    held_out = [pairs[0], PreferencePair("p", "same", "same"), *pairs[1:3], PAIRS[3]]
    config = TrainingConfig(max_steps=2, batch_size=2, evaluate_every=1, precision="fp32")
    model = RewardModel.from_pretrained("tiny-encoder", seed=0)
    history = train(model, pairs[3:], held_out=held_out, config=config, progress=False)
    film = film_frames(history, held_out)
    assert film["steps"] == [0, 1, 2]
    assert film["rows"] == [0, 2, 3]
    assert np.array_equal(
        np.float32(film["differences"][-1]), model.score_differences([held_out[i] for i in (0, 2, 3)])
    )
    assert len(film["training"]["loss"]) == 2


def test_held_out_pairs_are_found_by_their_texts_in_any_order_and_the_others_are_counted():
    history = run([[0.5, 1.0, -1.0]], [PAIRS[2], PAIRS[0], PAIRS[2]], n_pairs=3)
    film = film_frames(history, [PAIRS[1], PAIRS[2], PAIRS[0], PAIRS[2]])
    assert film["rows"] == [1, 2, 3]
    swapped = PreferencePair(PAIRS[0].prompt, PAIRS[0].rejected, PAIRS[0].chosen)
    film = film_frames(history, [swapped, PAIRS[2]])
    assert film["rows"] == [1, None, None]
    assert film["notes"][0].startswith("Only 1 of the 3 held-out pairs shown are among the pairs given here")
    assert film_frames(history, [swapped])["notes"][0].startswith("None of the 3 held-out pairs")


def test_a_film_of_a_sample_says_so():
    assert film_frames(run([[0.5, 1.0]], n_pairs=5))["notes"] == [
        "A random sample of 2 of the 5 held-out pairs is shown, since the file of the run keeps no more; accuracy, log "
        "loss and calibration are of all."
    ]


@pytest.mark.parametrize(
    ("differences", "said"),
    [
        ([], "no held-out evaluations.*give held_out pairs"),
        ([[], []], "the figures of its held-out evaluations but not the differences"),
        ([[1.0, 2.0], [1.0]], r"same held-out pairs, got \[1, 2\] differences"),
        ([[1.0, 2.0], [1.0, np.nan]], "finite, got NaN or infinity at step 5"),
    ],
)
def test_film_frames_refuse_what_is_no_film(differences, said):
    with pytest.raises(ValueError, match=said):
        film_frames(run(differences))


def test_head_outputs_keep_every_extreme():
    outputs = np.random.default_rng(0).normal(size=10_000)
    tokens = [f"token {i}" for i in range(10_000)]
    shown = head_outputs(outputs, -0.5, tokens)
    assert len(shown["lowest"]) == len(shown["highest"]) == 2048
    assert (min(shown["lowest"]), max(shown["highest"])) == (outputs.min(), outputs.max())
    assert max(one["output"] for one in shown["named"]) == outputs.max()
    assert f"token {outputs.argmax()}" in [one["token"] for one in shown["named"]]
    assert shown["most_probable"] == [f"token {i}" for i in np.argsort(outputs)[:-6:-1]]
    assert shown["score"] == -0.5
    for one in shown["named"]:  # a bar stands where its tokens are on the axis
        bar = shown["highest"].index(one["output"])
        assert abs((bar + 0.5) * 10_000 / 2048 - one["id"]) < 10_000 / 2048
    few = head_outputs([1.0, -2.0, 0.5], 0.1, ["a", "b", "c"])
    assert few["lowest"] == few["highest"] == [1, -2, 0.5]
    with pytest.raises(ValueError, match=r"one text in tokens for each, got \(3,\) and 2 tokens"):
        head_outputs([1.0, 2.0, 3.0], 0.1, ["a", "b"])
    with pytest.raises(ValueError, match="finite"):
        head_outputs([1.0, 2.0, np.inf], 0.1, ["a", "b", "c"])


def test_comparison_is_centred_and_scaled_and_tested_by_prompt():
    b = np.array([-100.0, -50.0, 100.0, 7.0])
    columns = json.loads(
        json.dumps(comparison_columns(DIFFERENCES, b, PAIRS, names=("mine", "length")), allow_nan=False)
    )
    for name in ("standard_a", "standard_b"):
        assert np.mean(np.square(columns[name])) == pytest.approx(1)
    assert np.sign(columns["standard_b"]).tolist() == np.sign(b).tolist()
    # whatever the unit of a model, the picture is the same
    assert comparison_columns(DIFFERENCES, 1000 * b, PAIRS)["standard_b"] == pytest.approx(columns["standard_b"])
    assert columns["quadrants"] == {"both": 0, "only_a": 1, "only_b": 0, "neither": 1, "tie": 1}
    test = compare_models(DIFFERENCES[:3], b[:3], clusters=["river", "river", "hello"])
    assert columns["test"] == json.loads(json.dumps(test.to_dict()))
    assert re.search(r"3 pairs of 2 prompts.*mine .*50\.0%.*length .*33\.3%", columns["words"])
    assert "is better" not in columns["words"]


def test_comparison_says_who_is_better_where_the_pairs_do():
    pairs = [PreferencePair(f"p{i}", "aa", "b") for i in range(100)]
    better = np.where(np.arange(100) < 90, 1.0, -1.0)
    worse = np.where(np.arange(100) < 60, 1.0, -1.0)
    assert comparison_columns(better, worse, pairs)["words"].endswith("A is better on pairs like these.")
    assert "95% interval +" in comparison_columns(better, worse, pairs)["words"]
    assert "p below 0.001" in comparison_columns(better, worse, pairs)["words"]
    assert comparison_columns(worse, better, pairs)["words"].endswith("B is better on pairs like these.")
    fitted = comparison_columns(better, worse, pairs, names=("mine", "other"), fitted=True)["words"]
    assert "on pairs like these" not in fitted
    assert re.search(r"mine .*trained", fitted)


@pytest.mark.parametrize(
    ("pairs", "a", "b", "said"),
    [
        ([], [], [], "There are no pairs here"),
        (PAIRS[:1], [1.0], [2.0], "nothing follows about others"),
        (PAIRS[:3], [1.0, 2.0, 3.0], [0.0, 0.0, 0.0], "B gives every pair a difference of zero"),
        (PAIRS[3:], [1.0], [1.0], "1 of 1 pairs were judged a tie"),
    ],
)
def test_comparison_says_what_there_is_too_little_of(pairs, a, b, said):
    columns = comparison_columns(a, b, pairs)
    assert said in " ".join([*columns["notes"], columns["words"]])
    json.dumps(columns, allow_nan=False)


def test_a_selected_pair_is_opened_whole():
    long = PreferencePair("p", "word " * 50_000, "x")
    widget = explorer.pairs([*DIFFERENCES, 1.5], [*PAIRS, long])
    assert widget.views == ("pairs",)
    widget.selection = 4
    state = widget.state
    assert (state.prompt, state.response_a, state.response_b) == ("p", long.chosen, "x")
    assert (state.scores, state.winner) == ((1.5, 0.0), "a")
    assert "pair 5" in state.scores_from
    widget.selection = 3
    assert state.winner == "tie"
    state.response_a = "edited"
    widget.picks += 1
    assert state.response_a == "Hi"
    for none in (None, 99, -1):
        widget.selection = none
        assert state.response_a == "Hi"
    state.reset()
    assert widget.selection is None


def test_a_selected_pair_brings_its_scores_where_they_are_known():
    for widget in (explorer.pairs(length_score, PAIRS), explorer.compare(length_score, DIFFERENCES, PAIRS)):
        widget.selection = 1
        assert widget.state.scores == (len(PAIRS[1].chosen) / 100, len(PAIRS[1].rejected) / 100)
        assert widget.state.scores_from == "of pair 2"


def test_views_are_given_their_data():
    film = explorer.film(
        run([[0.0, 0.0], [1.0, -1.0]], PAIRS[:2]), PAIRS[:2], head=explorer.head_outputs([1.0, 2.0, 3.0], 0.5, "abc")
    )
    assert film.views == ("film", "head")
    assert repr(film) == "Explorer: film, head. Run this cell to use it."
    assert film.data["pairs"]["chosen"] == ["The Elbe.", "The Rhine"]
    assert set(explorer.film(run([[1.0]])).data) == {"film"}
    assert explorer.heads([1.0, 2.0, 3.0], 0.5, "abc").data["head"] == film.data["head"]
    both = explorer.compare(DIFFERENCES, explorer.length_score, PAIRS, names=("mine", "length"))
    assert both.data["compare"] == comparison_columns(DIFFERENCES, length_score, PAIRS, names=("mine", "length"))
    both.selection = 1
    assert both.state.response_b == PAIRS[1].rejected
    assert both.state.scores == (-1.0, 0.0)


def test_explore_scores_once_and_links_the_views():
    asked = []

    def scorer(prompts, responses):
        asked.extend(responses)
        return length_score(prompts, responses) ** 0.5

    history = run([[0.0] * 3, [1.0, -1.0, 2.0]], PAIRS[:3], n_pairs=3)
    shown = explorer.explore(scorer, PAIRS, history=history, names=("root length", "four"))
    assert shown.answers.wait(10)
    assert len(asked) == 2 * len(PAIRS) + 2  # and the two that it opens on, for the probe
    assert shown.views == ("path", "curve", "probe", "pairs", "compare", "film")
    assert shown.state.prompt == PAIRS[0].prompt
    assert shown.state.start["selection"] == 0
    assert shown.data["compare"]["names"] == ["root length", "length alone"]
    assert shown.data["compare"]["difference_a"] == shown.data["pairs"]["difference"]
    assert shown.data["film"]["rows"] == [0, 1, 2]
    assert "may have been trained" in shown.data["compare"]["words"]  # on the fourth, which was not held out
    shown.selection = 1
    assert shown.state.response_a == PAIRS[1].chosen


def test_views_share_a_state():
    state = explorer.ExplorerState()
    one = explorer.pairs(DIFFERENCES, PAIRS, state=state)
    other = explorer.compare(DIFFERENCES, length_score, PAIRS, state=state)
    one.selection = 2
    assert other.selection == 2
    one.settings = {"pairs": {"text": "river"}}
    assert explorer.ExplorerState.from_link(state.to_link()).settings == one.settings
