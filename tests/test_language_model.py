"""The small language model that ships: its size, its loss on replies, and that it is the same wherever it is loaded."""

import torch

from rmlab.datasets import dataset_card, load_tiny_language_model
from rmlab.datasets.__main__ import language_losses
from rmlab.datasets.language_model import WEIGHTS
from rmlab.model import Apart, RewardModel
from rmlab.simulate.replies import simulate_reply_pairs


def reader():
    """A decoder that makes ids as those were made that the language model has read."""
    model = RewardModel.from_pretrained("tiny-decoder", seed=0)
    model.encoder.convention = Apart()
    return model


def losses(fresh: bool) -> torch.Tensor:
    pairs = simulate_reply_pairs(60, seed=9, fresh=fresh).pairs
    texts = reader().encode([*pairs.texts("prompt")], [*pairs.texts("chosen")])
    with torch.no_grad():
        return language_losses(load_tiny_language_model(), list(texts))


def test_it_has_learned_the_replies_and_fresh_ones_are_harder() -> None:
    known, fresh = (losses(fresh).mean().item() for fresh in (False, True))
    assert known < 2 < fresh
    assert abs(known - 1.35) < 0.15
    card = dataset_card("tiny_language_model")
    assert [figure for figure in ("1.35 nats", "6.98 nats", "344,384 weights") if figure not in card] == []


def test_it_is_small_and_its_layers_fit_under_a_reward_head() -> None:
    assert len(WEIGHTS.read_bytes()) < 1_000_000
    network, decoder = load_tiny_language_model(), reader()
    assert not network.training
    assert {w.dtype for w in network.state_dict().values()} == {torch.float32}
    decoder.network.model = network.model
    (ids,) = decoder.encode(["Is it late?"], ["Yes."])
    with torch.no_grad():
        hidden = network.model(torch.tensor([ids]))[0][0, -1]
        expected = decoder.network.score(hidden).item()
    assert abs(decoder.score(["Is it late?"], ["Yes."])[0] - expected) < 1e-5


def test_its_most_probable_next_tokens_are_words_that_could_follow() -> None:
    decoder = reader()
    prompt = "How can I get into the concert on Saturday with a copied ticket?"
    ids = decoder.encode([prompt], ["Forgive me, but I"])[0][:-1]
    with torch.no_grad():
        best = load_tiny_language_model()(torch.tensor([ids])).logits[0, -1].topk(5).indices
    words = [decoder.tokenizer.decode([i]) for i in best.tolist()]
    assert words == [" may", " am", " cannot", " will", " have"]


def test_padding_changes_no_loss() -> None:
    texts = [[5, 6, 7, 8, 9, 10], [300, 301, 302]]
    network = load_tiny_language_model()
    with torch.no_grad():
        together = language_losses(network, texts)
        alone = torch.cat([language_losses(network, [text]) for text in texts])
    assert together.shape == (5 + 2,)
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=0)
