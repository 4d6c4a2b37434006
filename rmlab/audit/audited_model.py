"""The reward model under audit, as it is: its network, its tokenizer, and how the two read and score a text.

A text has the token ids that `RewardModel` gives it, so that an audit is about the scores that ``rmlab score`` prints.
They follow the convention that the folder records, or else TRL's (`rmlab.model.conventions`). Nothing else is repaired.
`RewardModel` corrects several faults on loading (no pad token, pooling by the pad id), so a folder is loaded and scored
with transformers' own classes instead, if these know its head. If rmlab did not save the model, its tokenizer cuts a
text that is too long.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from rmlab.data import Side
from rmlab.model import TRL, RewardModel, backbones
from rmlab.model.backbones import SHORT_NAMES, ModelError
from rmlab.model.conventions import Convention, Joined, convention_of
from rmlab.model.devices import to_numpy
from rmlab.model.heads import Head, has_head_of_others
from rmlab.model.model_folder import is_adapter
from rmlab.model.network import pools_last_token, positions
from rmlab.model.rendering import content_of, pin_date
from rmlab.model.saving import SAVED_MAX_LENGTH
from rmlab.model.tokenization import Encoder

__all__ = ["AuditedModel", "Reading", "Text", "Tokens", "first_line", "load_audited_model", "plain"]

Text = tuple[Side, Side]
"""A prompt and a response."""

Tokens = Mapping[str, Sequence[int]]
"""One text as it is given to the network: ``input_ids``."""

NO_LIMIT = 10**9
"""A tokenizer without a limit says that its limit is 10^30."""


@dataclass(frozen=True)
class Reading:
    """Texts as the network meets them."""

    tokens: list[Tokens]
    cut: np.ndarray
    """Which texts lost tokens to the limit; bool, shape ``(n,)``."""


@dataclass(frozen=True, eq=False)
class AuditedModel:
    """A network and a tokenizer, and how they are used."""

    name: str
    network: Any
    tokenizer: Any
    read: Callable[[Sequence[Text]], Reading]
    forward: Callable[..., torch.Tensor]
    """Takes what `tokenizer.pad` returns, as tensors; returns logits, shape ``(batch, n_outputs)``."""
    reload: Callable[[], AuditedModel]
    """Returns the same model loaded again, with another seed for what it does not hold."""
    random_weights: tuple[str, ...]
    """Names of the weights that were not in the folder, and so were drawn at random."""
    meets_left_padding: bool
    """Whether this model may be given batches padded on the left, as decoders are, since generation pads so."""
    score_ids: Callable[[list[list[int]]], torch.Tensor] | None = None
    """Scores a batch of unpadded token ids, if the model has its own way to lay them out."""

    @property
    def pools_last_token(self) -> bool:
        """Whether the score is read from the last token, as in transformers' decoders, or from the first."""
        return pools_last_token(self.network)

    @property
    def limits(self) -> list[int]:
        """The numbers of tokens that the tokenizer and the network declare as their limits, if they do."""
        said = (self.tokenizer.model_max_length, positions(self.network))
        return [limit for limit in said if limit and limit < NO_LIMIT]

    def logits(self, tokens: Sequence[Tokens], *, side: str | None = None) -> torch.Tensor:
        """Score texts as one batch; shape ``(batch, n_outputs)``.

        The tokenizer pads them, on this side or by default on its own. Without a side, a `RewardModel` lays them out
        itself. A single text is not padded, so that a model without a pad token can score it.
        """
        if side is None and self.score_ids is not None:
            with torch.inference_mode():
                return self.score_ids([list(one["input_ids"]) for one in tokens])[:, None]
        if len(tokens) == 1:
            batch = {name: torch.tensor([list(values)]) for name, values in tokens[0].items()}
            batch["attention_mask"] = torch.ones_like(batch["input_ids"])
        else:
            columns = {name: [list(one[name]) for one in tokens] for name in tokens[0]}
            batch = dict(self.tokenizer.pad(columns, padding_side=side, return_tensors="pt"))
        device = next(self.network.parameters()).device
        with torch.inference_mode():
            return self.forward(**{name: values.to(device) for name, values in batch.items()})

    def scores(self, tokens: Sequence[Tokens], *, side: str | None = None) -> np.ndarray:
        """Return the first output for each text of one batch, float64 of shape ``(batch,)``, in nats."""
        return to_numpy(self.logits(tokens, side=side)[:, 0])

    def alone(self, tokens: Sequence[Tokens]) -> np.ndarray:
        """Score each text by itself, unpadded; float64 of shape ``(n,)``."""
        return np.array([self.scores([one])[0] for one in tokens])


def load_audited_model(model: Any, *, revision: str | None, max_length: int | None) -> AuditedModel:
    """Return a `RewardModel`, a (network, tokenizer) pair, a folder or a hub id as a model to audit, unchanged."""
    if isinstance(model, str) and model in SHORT_NAMES:
        model = RewardModel.from_pretrained(model, revision=revision, fresh_head=False)
    if isinstance(model, RewardModel):
        return _of_reward_model(model, max_length)
    if isinstance(model, str | Path):
        return _of_source(model, revision=revision, max_length=max_length, seed=0)
    if isinstance(model, tuple) and len(model) == 2 and isinstance(model[0], torch.nn.Module):
        return _of_pair(*model, name=type(model[0]).__name__, max_length=max_length)
    raise TypeError(
        "expected a folder, a hub id, a RewardModel or a (network, tokenizer) pair, "
        f"got {type(model).__name__}; a network alone does not say how it reads texts"
    )


def _of_reward_model(model: RewardModel, max_length: int | None) -> AuditedModel:
    def forward(input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        with model.evaluating(), model.computing(bf16=False):
            return model(input_ids, attention_mask)[:, None]

    def score_ids(ids: list[list[int]]) -> torch.Tensor:
        with model.evaluating(), model.computing(bf16=False):
            return model.score_ids(ids, keys=[0] * len(ids))  # one key: a common beginning is computed once

    def reload() -> AuditedModel:
        with tempfile.TemporaryDirectory() as scratch:
            folder = model.save_pretrained(Path(scratch) / "model")
            loaded = RewardModel.from_pretrained(folder, seed=1, max_length=model.max_length, device=model.device)
            return _of_reward_model(loaded, max_length)

    return AuditedModel(
        name=f"RewardModel on {type(model.network).__name__}",
        network=model.network,
        tokenizer=model.tokenizer,
        read=_reader(model.encoder, max_length or model.max_length),
        forward=forward,
        score_ids=score_ids,
        reload=reload,
        random_weights=(),
        meets_left_padding=True,
    )


def _of_source(source: str | Path, *, revision: str | None, max_length: int | None, seed: int) -> AuditedModel:
    """Load a folder or a hub model with transformers' own classes."""
    where = backbones.local_or_hub(source)
    if is_adapter(where):
        return _of_reward_model(RewardModel.from_pretrained(source, fresh_head=False), max_length)
    with backbones.torch_seed(seed), backbones.reading_of("model", where):
        network, info = AutoModelForSequenceClassification.from_pretrained(
            where,
            revision=revision,
            dtype=torch.float32,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
        tokenizer = AutoTokenizer.from_pretrained(where, revision=revision, trust_remote_code=False)
    missing = tuple(sorted(info["missing_keys"]))
    if has_head_of_others(network, info):
        return _of_reward_model(RewardModel.from_pretrained(source, revision=revision, fresh_head=False), max_length)
    backbones.check_vocabulary(str(source), network, tokenizer)
    pin_date(tokenizer)
    # random weights are in a copy of this network, but not in the folder
    again = None if not missing else lambda: _of_source(source, revision=revision, max_length=max_length, seed=seed + 1)
    loaded = backbones.LoadedNetwork(network, tokenizer, Head("transformers' own reading"), where)
    return _of_pair(
        network,
        tokenizer,
        name=str(source),
        max_length=max_length,
        missing=missing,
        again=again,
        convention=convention_of(loaded, revision=revision),
    )


def _of_pair(
    network: Any,
    tokenizer: Any,
    *,
    name: str,
    max_length: int | None,
    missing: tuple[str, ...] = (),
    again: Callable[[], AuditedModel] | None = None,
    convention: Convention = TRL,
) -> AuditedModel:
    dtype = next(network.parameters()).dtype
    if dtype != torch.float32:
        raise ModelError(
            f"expected a network in float32, got {str(dtype).removeprefix('torch.')}, in which the shape of a batch "
            "alone moves scores in the third digit; give network.float()"
        )
    pools_last = pools_last_token(network)
    encoder = Encoder(tokenizer, pools_last_token=pools_last, convention=convention)

    def reload() -> AuditedModel:
        with tempfile.TemporaryDirectory() as scratch, backbones.torch_seed(1):
            network.save_pretrained(scratch)
            tokenizer.save_pretrained(scratch)
            loaded = type(network).from_pretrained(scratch, dtype=torch.float32, use_safetensors=True)
            loaded.to(next(network.parameters()).device)
            read_again = AutoTokenizer.from_pretrained(scratch)
            return _of_pair(loaded, read_again, name=name, max_length=max_length, convention=convention)

    return AuditedModel(
        name=name,
        network=network,
        tokenizer=tokenizer,
        read=_reader(
            encoder,
            max_length or tokenizer.model_max_length,
            own_cut=getattr(network.config, SAVED_MAX_LENGTH, None) is None,
        ),
        forward=lambda **batch: network(**batch).logits,
        reload=again or reload,
        random_weights=missing,
        meets_left_padding=pools_last or tokenizer.padding_side == "left",
    )


def _reader(encoder: Encoder, max_length: int, *, own_cut: bool = False) -> Callable[[Sequence[Text]], Reading]:
    """Return a reader of texts; with `own_cut` it is the tokenizer that cuts those over `max_length`."""

    def read(texts: Sequence[Text]) -> Reading:
        given = [prompt for prompt, _ in texts], [response for _, response in texts]
        if not own_cut:
            encoded = encoder.encode(*given, max_length=max_length)
            cut = (encoded.prompt_tokens_cut > 0) | (encoded.response_tokens_cut > 0)
            return Reading([{"input_ids": ids} for ids in encoded], cut)
        whole = list(encoder.encode(*given, max_length=NO_LIMIT))
        cut = np.array([len(ids) > max_length for ids in whole], dtype=bool)
        for i in np.flatnonzero(cut).tolist():
            prompt, response = texts[i]
            whole[i] = _cut(encoder, prompt, response, max_length)
        return Reading([{"input_ids": ids} for ids in whole], cut)

    return read


def _cut(encoder: Encoder, prompt: Side, response: Side, max_length: int) -> list[int]:
    """Return the ids of a text that is too long, as its tokenizer cuts it."""
    ((head, tail, end, special),) = encoder.render(prompt, response)
    parts = [head + tail + end] if isinstance(encoder.convention, Joined) else [head, tail]
    cut = encoder.tokenizer(*parts, add_special_tokens=special, truncation=True, max_length=max_length, verbose=False)
    return cut["input_ids"]


def plain(side: Side) -> str:
    """Return a text as it is, and messages as their contents with a blank line between them.

    A message that only calls tools has no content.
    """
    return side if isinstance(side, str) else "\n\n".join(content_of(message) for message in side)


def first_line(error: BaseException) -> str:
    """Return the type of an error and the first line of its text."""
    return f"{type(error).__name__}: {(str(error).strip().splitlines() or ['no message'])[0]}"
