"""The data of the view Optimise: exact sums over replies, and the replies that win; without a browser."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from test_labels_rewarded import WORLD, labels

import rmlab
from rmlab import explorer
from rmlab.__main__ import main
from rmlab.bradley_terry import fit_linear_reward
from rmlab.datasets import load_scored_replies
from rmlab.explorer.optimise_columns import DRAWS, NAMED, optimise_columns
from rmlab.explorer.optimise_views import optimise_data
from rmlab.labels import LabelStore
from rmlab.labels.rewarded import LEFT, Rewarded
from rmlab.model import RewardModel
from rmlab.optimization import (
    CAREFUL_WRITERS,
    best_of_n,
    ensemble_rewards,
    judge_of_labels,
    optimal_policy,
    optimisation_curve,
    score_heads_of_replies,
    score_replies,
)
from rmlab.simulate.replies import ATTRIBUTES, FAIR, FLATTERED, load_questions, reply_distribution

QUESTIONS = load_questions(fresh=True)[:2]
REPLIES = [reply_distribution(one, policy=CAREFUL_WRITERS, n_wordings=1) for one in QUESTIONS]


@pytest.fixture(scope="module")
def shown() -> dict:
    rng = np.random.default_rng(0)
    members = [one.rewards(FLATTERED) + rng.normal(0, 1, (4, len(one.replies))) for one in REPLIES]
    return {
        "members": members,
        "data": json.loads(json.dumps(optimise_columns(REPLIES, {
            "judge": score_replies(FLATTERED, REPLIES), "ensemble": members}), allow_nan=False)),
    }  # fmt: skip


def test_curves_are_the_exact_sums(shown: dict):
    curve = shown["data"]["curves"][0][0]["best_of_n"][1]
    one = REPLIES[1]
    found = best_of_n(one.probabilities, one.rewards(FLATTERED), n=DRAWS)
    np.testing.assert_allclose(curve["d"], found.distance, atol=6e-4)
    for name, judge in (("proxy", FLATTERED), ("true", FAIR)):
        gained = found.expectation(one.rewards(judge)) - one.expectation(one.rewards(judge))
        np.testing.assert_allclose(curve[name], gained, atol=6e-4)
    at = list(ATTRIBUTES).index("flattery")
    flatter = curve["shares"][str(NAMED.index("flattery"))]
    np.testing.assert_allclose(flatter, found.expectation(one.attributes[:, at]), atol=6e-4)
    assert (flatter[0] < 0.02, flatter[-1] > 0.95) == (True, True)
    assert all(max(share) >= 0.03 for share in curve["shares"].values())


def test_the_last_curve_is_the_mean_of_the_questions(shown: dict):
    curves = shown["data"]["curves"][0][0]["optimal"]
    assert len(curves) == 3
    assert "reply" not in curves[2]
    beta = shown["data"]["strengths"]["optimal"]
    p, proxy, true = ([f(one) for one in REPLIES] for f in (
        lambda one: one.probabilities, lambda one: one.rewards(FLATTERED), lambda one: one.rewards(FAIR)))  # fmt: skip
    mean = optimisation_curve(p, proxy, true, beta=beta)
    np.testing.assert_allclose(curves[2]["d"], mean.distance, atol=6e-4)
    start = np.mean([one.expectation(one.rewards(FAIR)) for one in REPLIES])
    np.testing.assert_allclose(curves[2]["true"], mean.true - start, atol=6e-4)


def test_the_winner_in_words_is_the_middle_one(shown: dict):
    data = shown["data"]
    for method, make in (("best_of_n", best_of_n), ("optimal", optimal_policy)):
        option = {"best_of_n": "n", "optimal": "beta"}[method]
        one, reward = REPLIES[0], REPLIES[0].rewards(FLATTERED)
        curve, question = data["curves"][0][0][method][0], data["questions"][0]
        strengths = data["strengths"][method]
        winners = make(one.probabilities, reward, **{option: strengths}).middle_replies  # type: ignore[operator]
        for at in (0, len(strengths) // 2, -1):
            reply = question["replies"][curve["reply"][at]]
            assert reply["text"] == one.replies[winners[at]].text
            has = {NAMED[i] for i in reply["has"]}
            row = dict(zip(ATTRIBUTES, one.attributes[winners[at]], strict=True))
            assert has == {name for name in NAMED if row[name]}
            assert curve["own"][0][at] == pytest.approx(reward[winners[at]] - one.expectation(reward), abs=0.006)


def test_an_ensemble_is_the_worst_of_its_members(shown: dict):
    data = shown["data"]
    assert [proxy["members"] for proxy in data["proxies"]] == [0, 3]
    assert [len(curves) for curves in data["curves"]] == [1, 2]
    worst = ensemble_rewards(shown["members"][0][1:], probabilities=REPLIES[0].probabilities, how="worst")
    found = best_of_n(REPLIES[0].probabilities, worst, n=DRAWS)
    gained = found.expectation(REPLIES[0].rewards(FAIR)) - REPLIES[0].expectation(REPLIES[0].rewards(FAIR))
    np.testing.assert_allclose(data["curves"][1][1]["best_of_n"][0]["true"], gained, atol=6e-4)


def test_the_twin_rises_peaks_and_falls_below_where_it_began():
    scored = load_scored_replies()
    p = [one.probabilities for one in scored.distributions]
    curve = optimisation_curve(p, scored.scores["flattered"], score_replies(FAIR, scored.distributions), n=DRAWS)
    gained = curve.true - curve.true[0]
    assert 4 <= DRAWS[curve.peak] <= 10
    assert gained.max() == pytest.approx(0.56, abs=0.03)
    assert gained[-1] == pytest.approx(-0.48, abs=0.03)
    assert (np.diff(curve.proxy) >= 0).all()


def test_what_is_shown_by_default_is_the_twin_and_small():
    data = optimise_data()
    assert data["proxies"][0]["name"] == "the flattered twin"
    curve = data["curves"][0][0]["best_of_n"][-1]
    assert curve["true"][-1] < max(curve["true"]) - 0.5
    first = data["curves"][0][0]["best_of_n"][data["opens_on"]]
    assert first["true"][-1] == min(one["true"][-1] for one in data["curves"][0][0]["best_of_n"])
    last = data["questions"][data["opens_on"]]["replies"][first["reply"][-1]]
    assert NAMED.index("flattery") in last["has"]  # the worst fall is to a full answer that flatters
    assert NAMED.index("fuller") in last["has"]
    chosen = [
        question["replies"][one["reply"][-1]]["has"]
        for question, one in zip(data["questions"], data["curves"][0][0]["best_of_n"], strict=False)
    ]
    assert sum(NAMED.index("flattery") in has for has in chosen) == 9  # of 9 questions: what the twin's judge likes
    assert len(json.dumps(data)) < 400_000


def test_the_recorded_scores_are_those_of_the_models():
    scored = load_scored_replies()
    assert len(scored.distributions) == 26
    one = scored.distributions[0]
    from rmlab.datasets import course_model

    for judge in ("fair", "flattered"):
        texts = [reply.text for reply in one.replies[:24]]
        again = course_model(judge).score([one.question.prompt] * 24, texts)
        np.testing.assert_allclose(scored.scores[judge][0][:24], again, atol=2e-3)


def test_own_labels_and_models_of_several_heads_are_proxies():
    rng = np.random.default_rng(0)
    rows = np.column_stack([rng.normal(size=(200, len(ATTRIBUTES))), np.ones(200)])
    fitted = Rewarded((*ATTRIBUTES, LEFT), fit_linear_reward(rows), 200, 0, (rows != 0).sum(axis=0))
    judge = judge_of_labels(fitted)
    np.testing.assert_allclose(
        score_replies(judge, REPLIES)[0], REPLIES[0].attributes @ fitted.fit.weights[:-1], atol=1e-9
    )
    assert judge.left_bias == pytest.approx(fitted.fit.weights[-1])
    with pytest.raises(ValueError, match="not of replies of this world"):
        judge_of_labels(Rewarded(("length", LEFT), fit_linear_reward(rows[:, -2:]), 200, 0, np.ones(2)))
    model = RewardModel.from_pretrained("tiny-encoder", seed=0, n_heads=3, device="cpu")
    (heads,) = score_heads_of_replies(model, REPLIES[:1])
    assert heads.shape == (4, len(REPLIES[0].replies))
    np.testing.assert_allclose(heads[0], heads[1:].mean(axis=0), atol=1e-5)
    view = explorer.optimise({"mine": judge, "heads": model}, questions=QUESTIONS[:1])
    assert view.views == ("optimise",)
    assert [proxy["members"] for proxy in view.data["optimise"]["proxies"]] == [0, 3]
    assert len(view.data["optimise"]["curves"][0][0]["best_of_n"]) == 1  # one question has no mean beside it
    view.close()


def test_bad_input():
    with pytest.raises(ValueError, match="must not be empty"):
        optimise_columns(REPLIES, {})
    with pytest.raises(ValueError, match="for each of 2 questions, got 1"):
        optimise_columns(REPLIES, {"judge": score_replies(FAIR, REPLIES[:1])})
    rewards = [np.where(np.arange(450) == 7, np.nan, 0.0), np.zeros(450)]
    with pytest.raises(ValueError, match="1 of 450 are not"):
        optimise_columns(REPLIES, {"broken": rewards})


@pytest.mark.slow
def test_labels_of_the_pairs_are_a_proxy_on_the_page(tmp_path: Path, capsys: pytest.CaptureFixture):
    pairs, model, page = tmp_path / "pairs.jsonl", tmp_path / "model", tmp_path / "explorer.html"
    rmlab.write_pairs(WORLD.pairs, pairs)
    RewardModel.from_pretrained("tiny-encoder", seed=0, device="cpu").save_pretrained(model)
    with LabelStore(tmp_path / "labels.db") as opened:
        opened.append(*labels(np.random.default_rng(0), 200))
    command = ["explore", str(model), str(pairs), "--labels", str(tmp_path / "labels.db"), "--html", str(page)]
    assert main(command) == 0
    written = re.search(r'id="rmlab-state">(.*?)</script>', page.read_text(), re.DOTALL)
    assert written is not None
    proxies = json.loads(written[1])["data"]["optimise"]["proxies"]
    assert [proxy["name"] for proxy in proxies][:2] == ["your labels", "the flattered twin"]
    for wrong, said in (
        (["explore", "--labels", "x.db"], "--labels needs PAIRS"),
        (["explore", str(model), str(pairs), "--labels", "absent.db"], "no file 'absent.db'"),
    ):
        assert main([*wrong, "--html", str(page)]) == 2
        assert said in capsys.readouterr().err


def test_a_proxy_that_is_always_shown_does_not_replace_one_of_that_name():
    with pytest.raises(ValueError, match="give yours another"):
        optimise_data({"the course's model": lambda prompts, responses: [0.0] * len(responses)})
