import dataclasses
import itertools
import json
import math

import numpy as np
import pytest
import torch

from rmlab.data import PreferencePair, PreferencePairs, pair_ids, split_by_prompt
from rmlab.model import RewardModel
from rmlab.preference import preference_loss, preference_probability
from rmlab.simulate import SimulatedTextPairs, simulate_text_pairs
from rmlab.training import History, TrainingConfig, TrainingError, prepare, train, training_steps
from rmlab.training.batch_order import batches
from rmlab.training.loop import _losses

COLOURS = ["red", "blue", "green", "black", "white", "brown"]
FP32 = {"precision": "fp32", "learning_rate": 1e-3}


def make_pairs(n: int, **fields) -> list[PreferencePair]:
    """The chosen response names the colour of the prompt, the rejected one another."""
    generator = np.random.default_rng(0)
    pairs = []
    for i in range(n):
        right, wrong = generator.choice(COLOURS, size=2, replace=False)
        words = " ".join(["please"] * (i % 5))
        pairs.append(PreferencePair(f"Box {i} is {right}. {words}", f"It is {right}.", f"It is {wrong}.", **fields))
    return pairs


def fresh(name: str = "tiny-decoder", seed: int = 0) -> RewardModel:
    return RewardModel.from_pretrained(name, seed=seed, device="cpu")


def weights(model: RewardModel) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def distance(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> float:
    assert a.keys() == b.keys()
    return max(float((a[name] - b[name]).abs().max()) for name in a)


def run(config: TrainingConfig, pairs=None, *, name: str = "tiny-decoder", **options):
    model = fresh(name)
    history = train(model, pairs or make_pairs(24), config=config, progress=False, **options)
    return model, history


def test_first_loss_is_the_formula_on_the_scores_of_the_untrained_model():
    pairs, model = make_pairs(16), fresh()
    expected = preference_loss(model.score_differences(pairs).astype(np.float64)).mean()
    step = next(training_steps(model, pairs, config=TrainingConfig(batch_size=16, precision="fp32")))
    assert step.loss == pytest.approx(expected, abs=1e-6)
    assert step.score_difference == pytest.approx(fresh().score_differences(pairs).mean(), abs=1e-6)
    assert (step.step, step.pairs_seen, step.epoch) == (1, 16, 1.0)
    encoded = fresh().encode_pairs(pairs)
    assert step.tokens == sum(map(len, [*encoded.chosen, *encoded.rejected]))


def test_one_step_is_adamw_on_the_clipped_gradient_of_the_mean_loss():
    config = TrainingConfig(max_steps=1, batch_size=8, warmup_fraction=0, max_grad_norm=0.01, **FP32)
    pairs = make_pairs(8)
    trained, history = run(config, pairs)
    model = fresh()
    encoded = model.encode_pairs(pairs)
    scores = model.score_ids([*encoded.chosen, *encoded.rejected]).reshape(2, -1)
    preference_loss(scores[0] - scores[1]).mean().backward()
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 0.01)
    decayed = [p for p in model.parameters() if p.ndim > 1]
    plain = [p for p in model.parameters() if p.ndim == 1]
    groups = [{"params": decayed, "weight_decay": config.weight_decay}, {"params": plain, "weight_decay": 0.0}]
    torch.optim.AdamW(groups, lr=1e-3).step()
    assert history.steps[0].gradient_norm == pytest.approx(float(norm), rel=1e-5)
    assert distance(weights(model), weights(trained)) < 2e-5


def test_it_learns_what_the_pairs_say_and_the_history_keeps_it():
    pairs = make_pairs(64)
    config = TrainingConfig(epochs=12, batch_size=16, evaluate_every=8, precision="fp32", learning_rate=3e-3)
    model, history = run(config, pairs, held_out=pairs[:16])
    assert history.steps[-1].loss < 0.35 < history.steps[0].loss
    assert len(history.steps) == 48
    assert [e.step for e in history.evaluations] == [0, 8, 16, 24, 32, 40, 48]
    last = history.evaluations[-1]
    np.testing.assert_allclose(last.score_differences, model.score_differences(pairs[:16]), atol=1e-4)
    assert last.evaluation.accuracy > history.evaluations[0].evaluation.accuracy
    assert not model.training
    assert history.n_pairs == 64


@pytest.mark.parametrize("name", ["tiny-decoder", "tiny-encoder"])
@pytest.mark.parametrize("option", [{"gradient_accumulation": 3}, {"gradient_checkpointing": True}])
def test_memory_saving_options_change_nothing(name, option):
    _, history = run(TrainingConfig(max_steps=3, batch_size=8, **FP32), name=name)
    saving, other = run(TrainingConfig(max_steps=3, batch_size=8, **option, **FP32), name=name)
    assert [s.loss for s in history.steps] == pytest.approx([s.loss for s in other.steps], abs=1e-5)
    norms = [[s.gradient_norm for s in h.steps] for h in (history, other)]
    assert norms[0] == pytest.approx(norms[1], rel=1e-3)
    assert not any(getattr(m, "gradient_checkpointing", False) for m in saving.modules())


def test_the_seed_decides_the_run_whatever_the_global_state():
    torch.manual_seed(1)
    first, history = run(TrainingConfig(max_steps=3, batch_size=5, seed=7, dropout=True, **FP32), name="tiny-encoder")
    torch.manual_seed(2)
    same, again = run(TrainingConfig(max_steps=3, batch_size=5, seed=7, dropout=True, **FP32), name="tiny-encoder")
    other, _ = run(TrainingConfig(max_steps=3, batch_size=5, seed=8, dropout=True, **FP32), name="tiny-encoder")
    assert [s.loss for s in history.steps] == [s.loss for s in again.steps]
    assert distance(weights(first), weights(same)) == 0
    assert distance(weights(first), weights(other)) > 0


def test_dropout_is_off_unless_asked_for_and_put_back_afterwards():
    model = fresh("tiny-encoder")
    before = [m.p for m in model.modules() if isinstance(m, torch.nn.Dropout)]
    assert max(before) > 0
    steps = training_steps(model, make_pairs(8), config=TrainingConfig(max_steps=1, batch_size=8, **FP32))
    off = next(steps).loss
    assert off == pytest.approx(
        preference_loss(fresh("tiny-encoder").score_differences(make_pairs(8))).mean(), abs=1e-5
    )
    assert list(steps) == []
    assert [m.p for m in model.modules() if isinstance(m, torch.nn.Dropout)] == before
    on = TrainingConfig(max_steps=1, batch_size=8, dropout=True, **FP32)
    assert next(training_steps(fresh("tiny-encoder"), make_pairs(8), config=on)).loss != pytest.approx(off, abs=1e-7)


def make_ranked(n_prompts: int) -> list[PreferencePair]:
    """Every two of four ranked responses to each prompt, one pair after another: six pairs a prompt."""
    ranked = [(f"What is box {i}?", [f"{colour} and {i}" for colour in COLOURS[:4]]) for i in range(n_prompts)]
    return [PreferencePair(prompt, *two) for prompt, texts in ranked for two in itertools.combinations(texts, 2)]


@pytest.mark.parametrize("name", ["tiny-decoder", "tiny-encoder"])
def test_a_response_in_several_pairs_of_a_batch_is_scored_once_and_the_loss_is_the_same(name, monkeypatch):
    pairs, scored = make_ranked(2), []
    expected = preference_loss(fresh(name).score_differences(pairs).astype(np.float64)).mean()
    score_ids = RewardModel.score_ids
    monkeypatch.setattr(
        RewardModel,
        "score_ids",
        lambda self, ids, **options: scored.append(len(ids)) or score_ids(self, ids, **options),
    )
    step = next(training_steps(fresh(name), pairs, config=TrainingConfig(batch_size=12, **FP32)))
    assert scored == [8]
    assert step.loss == pytest.approx(expected, abs=1e-5)


@pytest.fixture
def taken(monkeypatch):
    """The pairs of each step that was taken, step by step."""
    batches = []
    monkeypatch.setattr(
        "rmlab.training.loop._losses",
        lambda model, forward, data, indices, *rest: (
            batches.append(indices) or _losses(model, forward, data, indices, *rest)
        ),
    )
    return batches


def test_pairs_of_a_prompt_stay_together_where_that_is_asked_for(taken):
    pairs = make_ranked(6)
    config = TrainingConfig(epochs=2, batch_size=12, keep_together=True, **FP32)
    train(fresh(), pairs, config=config, progress=False)
    prompts = [{int(i) // 6 for i in batch} for batch in taken]
    assert all(len(one) == 2 for one in prompts)  # twelve pairs are two prompts of six
    assert sorted(np.concatenate(taken).tolist()) == sorted([*range(36)] * 2)
    assert prompts[:3] != prompts[3:]  # shuffled anew each epoch


def test_a_batch_ends_where_a_prompt_does_if_one_ends_near(taken):
    pairs = make_ranked(6)

    def sizes(batch_size: int) -> list[int]:
        taken.clear()
        config = TrainingConfig(batch_size=batch_size, keep_together=True, **FP32)
        steps = list(training_steps(fresh(), pairs, config=config))
        assert [step.pairs_seen for step in steps] == np.cumsum([len(batch) for batch in taken]).tolist()
        assert steps[-1].epoch == 1
        return [len(batch) for batch in taken]

    assert sizes(16) == [18, 12, 6]  # prompts end at 6, 12, 18, 24, 30 and 36
    assert sizes(13) == [12, 12, 12]
    assert sizes(4) == [4] * 9  # no end is near a cut that is not there already


def test_every_pair_once_an_epoch_and_the_last_batch_may_be_small():
    pairs = make_pairs(10)
    config = TrainingConfig(epochs=2, batch_size=4, **FP32)
    steps = list(training_steps(fresh(), pairs, config=config))
    assert [s.pairs_seen for s in steps] == [4, 8, 10, 14, 18, 20]
    assert [s.epoch for s in steps] == [0.4, 0.8, 1.0, 1.4, 1.8, 2.0]
    encoded = fresh().encode_pairs(pairs)
    assert sum(step.tokens for step in steps) == 2 * sum(map(len, [*encoded.chosen, *encoded.rejected]))


def test_warm_up_and_decay():
    config = TrainingConfig(max_steps=20, batch_size=4, warmup_fraction=0.25, precision="fp32", learning_rate=1e-4)
    rates = [s.learning_rate for s in training_steps(fresh(), make_pairs(8), config=config)]
    assert rates[:6] == pytest.approx([0, 2e-5, 4e-5, 6e-5, 8e-5, 1e-4])
    assert np.all(np.diff(rates[5:]) < 0)
    assert rates[-1] == pytest.approx(1e-4 * 0.5 * (1 + math.cos(math.pi * 14 / 15)))


def test_margin_smoothing_and_centring_enter_the_loss():
    pairs = [dataclasses.replace(p, margin=0.1 * i) for i, p in enumerate(make_pairs(6))]
    model = fresh()
    d = model.score_differences(pairs).astype(np.float64)
    sums = np.array([sum(model.score([p.prompt] * 2, [p.chosen, p.rejected])) for p in pairs])
    config = TrainingConfig(batch_size=6, label_smoothing=0.2, centering=0.5, precision="fp32")
    expected = preference_loss(d, margin=0.1 * np.arange(6), label_smoothing=0.2) + 0.5 * sums**2
    assert next(training_steps(fresh(), pairs, config=config)).loss == pytest.approx(expected.mean(), abs=1e-6)


def weighted(pairs: list[PreferencePair], values) -> list[PreferencePair]:
    return [dataclasses.replace(pair, weight=float(value)) for pair, value in zip(pairs, values, strict=True)]


@pytest.mark.parametrize("option", [{}, {"gradient_accumulation": 3}, {"label_smoothing": 0.1, "centering": 0.2}])
@pytest.mark.parametrize("scale", [1.0, 0.3, 1e300])
def test_the_loss_of_a_step_is_the_weighted_mean(option, scale):
    pairs, values = make_pairs(7), np.array([1, 2, 0.5, 1, 4, 1, 0.25])
    d = fresh().score_differences(pairs).astype(np.float64)
    losses = preference_loss(d, label_smoothing=option.get("label_smoothing", 0.0))
    sums = np.array([sum(fresh().score([p.prompt] * 2, [p.chosen, p.rejected])) for p in pairs])
    losses = losses + option.get("centering", 0.0) * sums**2
    config = TrainingConfig(batch_size=7, precision="fp32", **option)
    step = next(training_steps(fresh(), weighted(pairs, scale * values), config=config))
    assert step.loss == pytest.approx((values * losses).sum() / values.sum(), abs=1e-6)
    assert abs(step.loss - losses.mean()) > 1e-4  # or this could not fail
    assert step.accuracy == pytest.approx((d > 0).mean())  # counts pairs, and so does the mean difference
    assert step.score_difference == pytest.approx(d.mean(), abs=1e-6)


@pytest.mark.parametrize("name", ["tiny-decoder", "tiny-encoder"])
@pytest.mark.parametrize("option", [{}, {"gradient_accumulation": 3}])
def test_a_pair_with_weight_two_gives_the_gradient_of_the_pair_twice(name, option):
    pairs = make_pairs(6)
    config = TrainingConfig(max_steps=1, batch_size=8, warmup_fraction=0, max_grad_norm=math.inf, **option, **FP32)

    def gradient(given) -> torch.Tensor:
        found = {}
        model = fresh(name)
        for key, parameter in model.named_parameters():
            parameter.register_post_accumulate_grad_hook(lambda p, key=key: found.update({key: p.grad.clone()}))
        history = train(model, given, config=config, progress=False)
        flat = torch.cat([(g.to_dense() if g.is_sparse else g).flatten() for _, g in sorted(found.items())])
        assert history.steps[0].gradient_norm == pytest.approx(float(flat.norm()), rel=1e-4)
        return flat

    twice, heavy = gradient([*pairs, *pairs[:2]]), gradient(weighted(pairs, [2, 2, 1, 1, 1, 1]))
    assert float((heavy - twice).norm()) < 1e-5 * float(twice.norm())
    assert float((gradient(pairs) - twice).norm()) > 1e-3 * float(twice.norm())


def test_weights_of_one_change_no_bit_and_equal_ones_nothing():
    config = TrainingConfig(max_steps=3, batch_size=5, gradient_accumulation=2, **FP32)
    pairs = make_pairs(12)
    plain, history = run(config, pairs)
    assert prepare(fresh(), weighted(pairs, np.ones(12))).weights is None
    for value in (1.0, 0.3):
        model, other = run(config, weighted(pairs, np.full(12, value)))
        assert distance(weights(plain), weights(model)) == 0
        assert [s.loss for s in other.steps] == [s.loss for s in history.steps]


def test_weights_follow_their_pairs_through_what_is_left_out_and_are_reported():
    pairs = weighted(make_pairs(4), [1, 2, 3, 4])
    data = prepare(fresh(), [pairs[0], PreferencePair("p", "a", "b", tied=True, weight=9.0), *pairs[1:]])
    assert data.weights is not None
    assert data.weights.tolist() == [1, 2, 3, 4]
    assert "weights from 1 to 4" in str(data)
    assert "weights" not in str(prepare(fresh(), make_pairs(4)))


def test_held_out_pairs_count_once_whatever_their_weights():
    pairs, config = make_pairs(12), TrainingConfig(max_steps=2, batch_size=6, evaluate_every=1, **FP32)
    _, plain = run(config, pairs, held_out=pairs[:5])
    _, heavy = run(config, pairs, held_out=weighted(pairs[:5], [1, 50, 1, 1, 1]))
    assert [e.evaluation for e in heavy.evaluations] == [e.evaluation for e in plain.evaluations]


def test_what_cannot_teach_is_left_out_and_counted():
    good = make_pairs(5)
    pairs = [
        *good,
        PreferencePair("p", "a", "b", tied=True),
        PreferencePair("p", "", "b"),
        PreferencePair("p", "a", "a"),
        PreferencePair("p", "x a b c d e f g h", "y a b c d e f g h"),  # cut from the left, both end alike
    ]
    data = prepare(fresh(), pairs, max_length=8)
    assert data.left_out == {"tied": 1, "empty response": 1, "equal responses": 1, "equal once encoded": 1}
    assert data.truncation["pairs made equal by cutting"] == 1
    assert len(data) == 5
    assert "1 tied" in str(data)
    assert prepare(fresh(), PreferencePairs.from_list(pairs), max_length=8).left_out == data.left_out
    with pytest.raises(TrainingError, match=r"none of the pairs .*2 given.*1 tied, 1 empty"):
        train(fresh(), pairs[5:7], progress=False)
    with pytest.raises(TrainingError, match=r"none of the pairs .*0 given"):
        train(fresh(), [], progress=False)


def test_a_loss_that_is_not_finite_stops_the_run_with_the_pairs_at_fault():
    pairs = [dataclasses.replace(p, source=f"pairs.jsonl:{i + 1}") for i, p in enumerate(make_pairs(6))]
    data = prepare(fresh(), pairs)
    data.margins[4] = math.nan  # the readers refuse such a margin
    model = fresh()
    before = weights(model)
    with pytest.raises(TrainingError, match=r"loss of step 1 .*finite.*pairs\.jsonl:5\."):
        train(model, data, config=TrainingConfig(batch_size=6, **FP32), progress=False)
    assert distance(before, weights(model)) == 0
    with torch.no_grad():
        model.network.model.embed_tokens.weight[:] = math.nan
    with pytest.raises(TrainingError, match=r"step 1 .*pairs\.jsonl:\d, .* and 1 more"):
        train(model, pairs, config=TrainingConfig(batch_size=6, **FP32), progress=False)


def test_a_gradient_that_is_not_finite_stops_the_run():
    model = fresh()
    model.network.score.register_full_backward_hook(lambda _, into, out: (torch.full_like(into[0], math.nan),))
    with pytest.raises(TrainingError, match=r"gradient of step 1 .*finite"):
        train(model, make_pairs(8), config=TrainingConfig(batch_size=8, **FP32), progress=False)


def test_early_stopping_gives_back_the_best_weights():
    pairs = make_pairs(24)
    wrong = [dataclasses.replace(p, chosen=p.rejected, rejected=p.chosen) for p in pairs]
    config = TrainingConfig(epochs=50, batch_size=8, evaluate_every=3, patience=2, precision="fp32", learning_rate=3e-3)
    model, history = run(config, pairs, held_out=wrong)  # what is learned makes the held-out loss worse
    losses = {e.step: e.evaluation.log_loss for e in history.evaluations}
    assert len(history.steps) < 150
    assert history.best_step == min(losses, key=losses.__getitem__)
    best = next(e for e in history.evaluations if e.step == history.best_step)
    np.testing.assert_allclose(model.score_differences(wrong), best.score_differences, atol=1e-5)
    with pytest.raises(TrainingError, match=r"patience.*held_out"):
        training_steps(fresh(), pairs, config=config)


@pytest.mark.parametrize("name", ["tiny-decoder", "tiny-encoder"])
def test_lora_trains_adapters_and_head_and_leaves_a_plain_model(name, tmp_path):
    model = fresh(name)
    before = weights(model)
    steps = training_steps(model, make_pairs(16), config=TrainingConfig(max_steps=4, batch_size=8, lora=4, **FP32))
    next(steps)
    trained = {n for n, p in model.named_parameters() if p.requires_grad}
    assert all("lora_" in n or not n.startswith(f"network.{model.network.base_model_prefix}.") for n in trained)
    scores_with_adapters = None
    for _ in steps:
        scores_with_adapters = model.score_differences(make_pairs(4))
    assert list(weights(model)) == list(before)
    np.testing.assert_allclose(model.score_differences(make_pairs(4)), scores_with_adapters, atol=1e-5)
    changed = {n for n in before if not torch.equal(before[n], weights(model)[n])}
    assert any("layer" in n for n in changed)
    assert not any("embed" in n for n in changed)
    assert all(p.requires_grad for p in model.parameters())
    reloaded = RewardModel.from_pretrained(model.save_pretrained(tmp_path / "m"), device="cpu")
    np.testing.assert_allclose(reloaded.score_differences(make_pairs(4)), scores_with_adapters, atol=1e-5)


def test_a_run_that_is_abandoned_leaves_a_model_that_scores():
    model = fresh()
    steps = training_steps(model, make_pairs(8), config=TrainingConfig(max_steps=5, batch_size=4, lora=2, **FP32))
    next(steps)
    assert len(steps.history.steps) == 1
    steps.close()
    assert list(steps) == []
    assert not model.training
    assert not any("lora" in name for name in model.state_dict())


def test_bf16_is_close_to_fp32():
    _, exact = run(TrainingConfig(max_steps=3, batch_size=8, **FP32))
    _, fast = run(TrainingConfig(max_steps=3, batch_size=8, learning_rate=1e-3, precision="bf16"))
    assert [s.loss for s in fast.steps] == pytest.approx([s.loss for s in exact.steps], abs=2e-2)
    assert [s.loss for s in fast.steps] != [s.loss for s in exact.steps]


@pytest.mark.parametrize(("setting", "value", "message"), [
    ("epochs", 0, r"epochs .*above 0.*got 0$"),
    ("epochs", math.nan, r"epochs .*got nan$"),
    ("max_steps", 0, r"max_steps .*at least 1.*got 0$"),
    ("batch_size", 0, r"batch_size .*at least 1.*got 0$"),
    ("gradient_accumulation", 17, r"gradient_accumulation .*batch_size.*got 17$"),
    ("learning_rate", -1.0, r"learning_rate .*above 0.*got -1\.0$"),
    ("precision", "fp16", r"precision .*'auto', 'fp32' or 'bf16'.*'fp16'$"),
    ("schedule", "step", r"schedule .*cosine, linear, constant.*'step'$"),
    ("label_smoothing", 0.6, r"label_smoothing .*0\.5.*got 0\.6$"),
    ("patience", 0, r"patience .*at least 1.*got 0$"),
])  # fmt: skip
def test_bad_settings_are_named(setting, value, message):
    with pytest.raises(ValueError, match=message):
        TrainingConfig(**{setting: value})


def test_a_typo_in_a_setting_is_an_error():
    with pytest.raises(TypeError, match="learning_rat"):
        TrainingConfig(learning_rat=1e-4)
    with pytest.raises(TypeError, match="heldout"):
        train(fresh(), make_pairs(4), heldout=make_pairs(2))


def test_history_turns_into_json():
    _, history = run(TrainingConfig(max_steps=2, batch_size=8, **FP32), held_out=make_pairs(4))
    record = json.loads(json.dumps(history.to_dict()))
    assert [s["step"] for s in record["steps"]] == [1, 2]
    assert [e["step"] for e in record["evaluations"]] == [0, 2]
    assert record["config"]["batch_size"] == 8
    assert record["truncation"]["pairs made equal by cutting"] == 0


def test_history_comes_back_from_json():
    held_out = make_pairs(6)
    _, history = run(TrainingConfig(max_steps=4, batch_size=8, evaluate_every=2, **FP32), held_out=held_out)
    record = json.loads(json.dumps({"backbone": "tiny", **history.to_dict()}))
    back = History.from_dict(record)
    for one, other in zip(back.evaluations, history.evaluations, strict=True):
        assert (one.step, one.evaluation) == (other.step, other.evaluation)
        assert one.score_differences.dtype == np.float32
        np.testing.assert_array_equal(one.score_differences, other.score_differences)
    without = [{k: v for k, v in vars(step).items() if k != "evaluations"} for step in history.steps]
    assert [{k: v for k, v in vars(step).items() if k != "evaluations"} for step in back.steps] == without
    names = ("config", "n_pairs", "left_out", "truncation", "layout", "best_step", "resumed_at", "held_out_ids")
    assert [getattr(back, name) for name in names] == [getattr(history, name) for name in names]
    assert back.held_out_ids == tuple(pair_ids(PreferencePairs.from_list(held_out)))
    assert json.loads(json.dumps(back.to_dict())) == json.loads(json.dumps(history.to_dict()))


def test_a_file_keeps_a_sample_of_many_held_out_pairs_and_the_figures_of_all():
    _, history = run(TrainingConfig(max_steps=2, batch_size=8, **FP32), held_out=make_pairs(12))
    back = History.from_dict(json.loads(json.dumps(history.to_dict(keep=5))))
    assert len(back.held_out_ids) == 5
    rows = [history.held_out_ids.index(name) for name in back.held_out_ids]
    assert rows == sorted(rows)
    for one, other in zip(back.evaluations, history.evaluations, strict=True):
        np.testing.assert_array_equal(one.score_differences, other.score_differences[rows])
        assert one.evaluation.n_pairs == 12


def test_a_history_of_before_the_differences_were_kept_is_read():
    _, history = run(TrainingConfig(max_steps=2, batch_size=8, **FP32), held_out=make_pairs(4))
    record = json.loads(json.dumps(history.to_dict()))
    del record["held_out_ids"]
    for one in record["evaluations"]:
        del one["score_differences"]
    back = History.from_dict(record)
    assert [one.evaluation for one in back.evaluations] == [one.evaluation for one in history.evaluations]
    assert [len(one.score_differences) for one in back.evaluations] == [0, 0]
    assert back.held_out_ids == ()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda record: record.pop("steps"), r"History\.to_dict.*KeyError: 'steps'"),
        (lambda record: record["config"].update(colour=1), "'colour'"),
        (lambda record: record["evaluations"][0].pop("brier"), r"Evaluation\.to_dict.*'brier'"),
    ],
)
def test_what_is_no_history_is_refused(change, said):
    _, history = run(TrainingConfig(max_steps=2, batch_size=8, **FP32), held_out=make_pairs(4))
    record = json.loads(json.dumps(history.to_dict()))
    change(record)
    with pytest.raises(ValueError, match=said):
        History.from_dict(record)


@pytest.mark.slow
def test_a_decoder_from_scratch_comes_within_3_points_of_the_ceiling_on_unseen_texts():
    train_pairs, test = split_by_prompt(simulate_text_pairs(10_000, seed=0).pairs, fractions=(0.8, 0.2))
    assert not {pair.prompt for pair in train_pairs} & {pair.prompt for pair in test}
    model, _ = run(TrainingConfig(epochs=4, batch_size=32, learning_rate=2e-3, precision="fp32"), train_pairs)
    truth = SimulatedTextPairs(test)
    agrees = (model.score_differences(test) > 0) == (truth.score_differences > 0)
    # on average over the labels: those drawn would add a standard error of 0.8 points
    right = preference_probability(np.abs(truth.score_differences))
    assert np.mean(np.where(agrees, right, 1 - right)) > truth.bayes_accuracy - 0.03


def test_no_batch_is_empty_where_prompts_stay_together():
    for n_prompts in range(1, 7):
        config = TrainingConfig(batch_size=16, keep_together=True, **FP32)
        data = prepare(fresh(), make_ranked(6)[: 6 * n_prompts])
        sizes = [len(batch) for batch in batches(data, config, config.n_steps(len(data)))]
        assert min(sizes) > 0
        assert sum(sizes) == len(data)
        assert max(sizes) <= 24


def test_prompts_that_are_cut_stay_together_and_empty_ones_are_shuffled():
    long = " ".join(["word"] * 60)
    cut = [PreferencePair(f"{g} {long}", "good " * (3 + i), "bad " * (2 + i)) for g in range(4) for i in range(4)]
    config = TrainingConfig(batch_size=4, keep_together=True, **FP32)
    taken = list(batches(prepare(fresh(), cut, max_length=32), config, 4))
    assert all(len({i // 4 for i in batch}) == 1 for batch in taken)
    none = prepare(fresh(), [PreferencePair("", f"good {i}", f"bad {i}") for i in range(16)])
    assert np.concatenate(list(batches(none, config, 4))).tolist() != [*range(16)]


def test_settings_that_prepared_pairs_cannot_follow_are_refused():
    model, pairs = fresh(), make_pairs(8)
    with pytest.raises(TrainingError, match="max_length is 8"):
        training_steps(model, prepare(model, pairs), config=TrainingConfig(max_length=8, **FP32))
    with pytest.raises(TrainingError, match="batch_size is 1"):
        training_steps(model, weighted(pairs, range(1, 9)), config=TrainingConfig(batch_size=1, **FP32))


def test_pairs_of_which_none_can_be_used_are_an_error_with_ids_on_disk_too(tmp_path):
    for tokens in (None, tmp_path):
        with pytest.raises(TrainingError, match=r"none of the pairs can be used: 1 given; left out: 1 tied"):
            prepare(fresh(), [PreferencePair("p", "a", "b", tied=True)], tokens=tokens)
