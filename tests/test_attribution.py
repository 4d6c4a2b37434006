"""Attributions: exact where the answer is known, complete where they should be, and honest about what they leave."""

from __future__ import annotations

import dataclasses
import re
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from test_training_config import small
from torch import nn
from transformers import PreTrainedConfig

from rmlab.attribution import SHORT, attribute, attribute_difference
from rmlab.model import ModelError, RewardModel

PROMPT = "Name a colour, and say why."
FIRST = "Blue, since the sea is blue on most days."
SECOND = "Colours are many. One of them is red."
LONG = "It is wide and wet, and it is blue on most days. " * 12
ODD = "👩🏽‍🚀 שלום café\u200b <b>naïve</b>\x07 ﷽ end"
BOTH_WAYS = ("leave-one-out", "integrated-gradients")


class Bag(nn.Module):
    """Scores a text by the sum of its embeddings: ``power`` 1 is linear, 2 its square. The end counts too."""

    def __init__(self, vocabulary: int, power: int):
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.power = power
        self.base_model = nn.Embedding.from_pretrained(0.3 * torch.randn(vocabulary, 8, generator=generator))
        self.classifier = nn.Linear(8, 1, bias=False)
        self.classifier.weight.data = torch.linspace(-1, 2, 8)[None]
        self.config = PreTrainedConfig(max_position_embeddings=64, vocab_size=vocabulary)

    def get_input_embeddings(self) -> nn.Embedding:
        return self.base_model

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> SimpleNamespace:
        total = (self.base_model(input_ids) * attention_mask[..., None]).sum(1)
        return SimpleNamespace(logits=self.classifier(total) ** self.power)


def bag(power: int) -> tuple[RewardModel, np.ndarray]:
    """A model, and what each token of the vocabulary is worth to it."""
    tokenizer = RewardModel.from_pretrained("tiny-encoder", device="cpu").tokenizer
    network = Bag(len(tokenizer), power)
    weights = network.base_model.weight @ network.classifier.weight[0]
    return RewardModel(network, tokenizer).eval(), weights.detach().double().numpy()


@pytest.fixture(scope="module", params=["tiny-encoder", "tiny-decoder"])
def model(request: pytest.FixtureRequest) -> RewardModel:
    return RewardModel.from_pretrained(request.param, device="cpu")


def response_ids(model: RewardModel, response: str) -> list[int]:
    return model.tokenizer(response, add_special_tokens=False)["input_ids"]


@pytest.mark.parametrize("method", BOTH_WAYS)
def test_a_linear_model_gives_each_token_its_weight(method: str) -> None:
    model, weights = bag(1)
    found = attribute(model, PROMPT, FIRST, method=method)
    worth = weights[response_ids(model, FIRST)] - (weights.mean() if method == "integrated-gradients" else 0)
    np.testing.assert_allclose(found.values, worth, atol=1e-5)
    assert found.complete
    assert found.score == pytest.approx(float(model.score([PROMPT], [FIRST])[0]), abs=1e-6)


def test_a_square_shares_out_what_tokens_do_together_by_gradients_and_leaves_it_by_leave_one_out() -> None:
    model, weights = bag(2)
    ids = response_ids(model, FIRST)
    total = weights[model.encode([PROMPT], [FIRST])[0]].sum()
    away = weights[ids] - weights.mean()
    # d/ds (S0 + s a)^2, integrated over s from 0 to 1, is a_i (S0 + S1)
    by_gradients = attribute(model, PROMPT, FIRST, method="integrated-gradients")
    np.testing.assert_allclose(by_gradients.values, away * (2 * total - away.sum()), atol=1e-5)
    assert by_gradients.complete
    by_removal = attribute(model, PROMPT, FIRST, method="leave-one-out")
    np.testing.assert_allclose(by_removal.values, total**2 - (total - weights[ids]) ** 2, atol=1e-5)
    left = total**2 - (total - weights[ids].sum()) ** 2 - by_removal.values.sum()
    assert by_removal.remainder == pytest.approx(left, abs=1e-5)
    assert not by_removal.complete
    assert f"They do not add up: {left:+.3f}" in str(by_removal)
    words = str(attribute_difference(model, PROMPT, "Yes", FIRST, method="leave-one-out"))
    assert re.search(r": −\d+\.\d{3} remains", words)  # a minus as wide as the plus
    assert not re.search(r"-\d", words)


@pytest.mark.parametrize("response", [FIRST, LONG, ODD, "Yes"])
def test_integrated_gradients_add_up(model: RewardModel, response: str) -> None:
    found = attribute(model, PROMPT, response, method="integrated-gradients")
    assert abs(found.values.sum() - (found.score - found.without)) <= 1e-3 * max(1.0, np.abs(found.values).sum())
    assert found.complete
    assert "They add up" in str(found)


def test_too_few_points_on_the_line_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rmlab.attribution.integrated_gradients.STEPS", (1,))
    found = attribute(bag(9)[0], PROMPT, FIRST, method="integrated-gradients")
    assert not found.complete
    assert "They do not add up" in str(found)


def test_leave_one_out_is_the_score_less_that_without_the_token(model: RewardModel) -> None:
    found = attribute(model, PROMPT, FIRST)
    assert found.method == "leave-one-out"
    ids = model.encode([PROMPT], [FIRST])[0]
    start = len(ids) - len(model.encoder.special.after) - len(found.tokens)

    def alone(texts: list[int]) -> float:
        with torch.inference_mode():
            return float(model(torch.tensor([texts]), torch.ones(1, len(texts), dtype=torch.long)))

    one_by_one = [alone(ids) - alone(ids[: start + i] + ids[start + i + 1 :]) for i in range(len(found.tokens))]
    np.testing.assert_allclose(found.values, one_by_one, atol=1e-5)
    assert found.without == pytest.approx(
        alone(ids[:start] + ids[len(ids) - len(model.encoder.special.after) :]), abs=1e-5
    )


@pytest.mark.parametrize("method", BOTH_WAYS)
def test_values_do_not_depend_on_the_batch(model: RewardModel, method: str) -> None:
    one, many = (attribute(model, PROMPT, FIRST, method=method, batch_tokens=n) for n in (1, 100_000))
    np.testing.assert_allclose(one.values, many.values, atol=1e-5)


@pytest.mark.parametrize("response", [FIRST, ODD])
def test_spans_lead_to_the_text_and_special_tokens_have_none(model: RewardModel, response: str) -> None:
    found = attribute(model, PROMPT, response)
    assert found.text == response
    assert found.tokens == tuple(response[start:end] for start, end in found.spans)
    covered = {i for start, end in found.spans for i in range(start, end)}
    assert {i for i, c in enumerate(response) if not c.isspace()} <= covered
    assert len(found.tokens) == len(found.values) > 0


def test_a_special_token_in_the_text_is_not_taken_out(model: RewardModel) -> None:
    end = model.tokenizer.convert_ids_to_tokens(model.encoder.special.after[-1])
    found = attribute(model, PROMPT, f"Blue {end} red")
    assert end not in "".join(found.tokens)
    assert "red" in "".join(found.tokens)


def test_what_was_cut_is_said_and_what_was_kept_keeps_its_place(model: RewardModel) -> None:
    text = " ".join(f"word{i}" for i in range(400))
    found = attribute(model, PROMPT, text)
    assert found.method == "integrated-gradients"
    assert found.response_tokens_cut > 0
    assert found.prompt_tokens_cut > 0
    assert text.endswith(text[found.spans[0][0] :])
    assert "".join(found.tokens[-8:]).endswith("399")
    assert f"{found.response_tokens_cut:,} of the response tokens" in str(found)


def test_messages_are_attributed_in_the_text_that_is_read(model: RewardModel) -> None:
    found = attribute(model, [{"role": "user", "content": PROMPT}], [{"role": "assistant", "content": FIRST}])
    assert found.text.strip() == FIRST
    assert "".join(found.tokens).replace(" ", "") == FIRST.replace(" ", "")


@pytest.mark.parametrize("method", BOTH_WAYS)
def test_an_empty_response_has_no_tokens_and_nothing_to_add(model: RewardModel, method: str) -> None:
    found = attribute(model, PROMPT, "", method=method)
    assert (found.tokens, found.values.shape, found.remainder) == ((), (0,), pytest.approx(0, abs=1e-6))


def test_the_mode_and_the_gradients_of_the_model_are_as_they_were(model: RewardModel) -> None:
    model.train()
    attribute(model, PROMPT, FIRST, method="integrated-gradients")
    assert model.training
    assert all(weights.grad is None for weights in model.parameters())
    assert not model.network.get_input_embeddings()._forward_hooks
    model.eval()


def test_a_difference_is_what_two_responses_add_and_the_rest_is_named(model: RewardModel) -> None:
    found = attribute_difference(model, PROMPT, FIRST, SECOND)
    differences = model.score([PROMPT] * 2, [FIRST, SECOND])
    assert found.difference == pytest.approx(float(differences[0] - differences[1]), abs=1e-5)
    assert found.from_length == pytest.approx(0, abs=1e-5)  # both are the empty response
    explained = found.first.values.sum() - found.second.values.sum()
    assert found.remainder == pytest.approx(found.difference - explained)
    by_gradients = attribute_difference(model, PROMPT, FIRST, SECOND, method="integrated-gradients")
    assert by_gradients.remainder == pytest.approx(by_gradients.from_length, abs=by_gradients.tolerance)
    assert re.search(rf"{re.escape(f'{by_gradients.from_length:+.3f}')}.*lengths", str(by_gradients))


def test_a_short_and_a_long_response_are_treated_alike(model: RewardModel) -> None:
    assert attribute(model, PROMPT, FIRST).method == "leave-one-out"
    found = attribute_difference(model, PROMPT, FIRST, LONG)
    assert len(found.second.tokens) > SHORT
    assert {found.first.method, found.second.method} == {"integrated-gradients"}


def test_a_function_is_asked_word_by_word() -> None:
    found = attribute(lambda prompts, responses: [len(text) for text in responses], PROMPT, "a bb\nccc")
    assert found.tokens == ("a ", "bb\n", "ccc")
    assert found.values.tolist() == [2, 3, 3]
    assert found.complete


@pytest.mark.parametrize(
    ("scorer", "options", "message"),
    [
        (lambda p, r: [0.0] * len(r), {"method": "shapley"}, r"method .*'shapley'"),
        (lambda p, r: [0.0] * len(r), {"method": "integrated-gradients"}, r"integrated gradients .*RewardModel"),
        (lambda p, r: [float("nan")] * len(r), {}, r"4 finite scores.*nan"),
        (lambda p, r: 0.0, {}, r"4 finite scores.*0\."),
    ],
)
def test_what_cannot_be_attributed_is_refused(scorer, options, message) -> None:
    with pytest.raises(ValueError, match=message):
        attribute(scorer, PROMPT, "two words", **options)


def test_messages_and_books_are_refused_where_a_function_scores() -> None:
    with pytest.raises(ValueError, match=r"1,000 words .*1,001"):
        attribute(lambda p, r: [0.0] * len(r), PROMPT, "word " * 1001)
    with pytest.raises(TypeError, match=r"response .*text.*list"):
        attribute(lambda p, r: [0.0], PROMPT, [{"role": "assistant", "content": FIRST}])


def test_a_result_is_frozen(model: RewardModel) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        attribute(model, PROMPT, FIRST).score = 0.0  # type: ignore[misc]


@pytest.mark.parametrize("kind", ["Gemma3Text", "Bart"])
@pytest.mark.parametrize("response", [SECOND, LONG])
def test_gradients_add_up_where_embeddings_are_scaled_or_read_twice(kind: str, response: str) -> None:
    scale = {"scale_embedding": True} if kind == "Bart" else {}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = small(kind, **scale)
    found = attribute(model, PROMPT, response, method="integrated-gradients")
    assert found.complete
    assert abs(found.score - found.without) > 10 * found.tolerance
    assert found.score == pytest.approx(float(model.score([PROMPT], [response])[0]), abs=1e-4)


def test_a_network_that_reads_its_tokens_in_another_order_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    model, _ = bag(1)
    forward = model.network.forward
    monkeypatch.setattr(
        model.network, "forward", lambda input_ids, attention_mask: forward(input_ids.flip(1), attention_mask)
    )
    with pytest.raises(ModelError, match="leave-one-out"):
        attribute(model, PROMPT, FIRST, method="integrated-gradients")
