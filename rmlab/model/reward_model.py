"""The reward model itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from rmlab._compat.transformers_internals import set_input_names
from rmlab.data import PreferencePair
from rmlab.model.backbones import ModelError, load_network
from rmlab.model.conventions import Convention, convention_of
from rmlab.model.devices import default_device
from rmlab.model.heads import Head
from rmlab.model.network import (
    Float32Linear,
    ensure_pad_token,
    keep_head_in_float32,
    passed_over,
    positions,
    refuse_unsound,
    set_aside,
)
from rmlab.model.onnx_export import OnnxExport, export_onnx
from rmlab.model.precision import Precision, Weights
from rmlab.model.rendering import pin_date
from rmlab.model.saved_adapters import Adapter, Base
from rmlab.model.saving import SAVED_MAX_LENGTH, save_model
from rmlab.model.scoring import score_in_chunks
from rmlab.model.several_heads import HeadDepartures, inputs_of, load_departures, make_departures, mean_and_spread
from rmlab.model.token_scorer import TokenScorer
from rmlab.model.tokenization import Encoded, EncodedPairs, Encoder, Text

__all__ = ["RewardModel"]

DEFAULT_MAX_LENGTH = 1024


class RewardModel(TokenScorer):
    """A network that gives a prompt and a response one number.

    Make one with `from_pretrained`. Scores of different prompts are not comparable; differences within a prompt are,
    in log-odds (nats).

    Attributes
    ----------
    network
        The transformers model; its class name ends in ``ForSequenceClassification``.
    tokenizer
        Its tokenizer, with a pad token that is not EOS.
    max_length
        Longest sequence in tokens, special tokens included; longer ones are cut as `encode` says.
    has_pinned_date
        Whether a date was written into the chat template, which asked for today's.
    head_source
        Where the head came from; its `fresh` says whether it is random.
    set_aside
        Parts of a multimodal network that read no text: they are not used, and not trained.
    base
        The model whose weights these are; None once a run has changed them.
    adapter
        The low-rank adapter that the last run trained, if the model differs from a base in nothing else.
    departures
        What each of several heads adds to the score of their mean, the network's own head; None with a single head.
    """

    def __init__(
        self,
        network: nn.Module,
        tokenizer: Any,
        *,
        max_length: int | None = None,
        convention: Convention | None = None,
        keep_pad: bool = False,
    ):
        refuse_unsound(network)
        limits = (positions(network), tokenizer.model_max_length)
        limit = min([value for value in limits if value] or [DEFAULT_MAX_LENGTH])
        if max_length is None:
            max_length = getattr(network.config, SAVED_MAX_LENGTH, None)
        if max_length is not None and not 8 <= max_length <= limit:
            raise ModelError(f"max_length must be at least 8 and at most {limit} for this model, got {max_length}")
        unread = passed_over(network, tokenizer) if keep_pad else None
        if unread is None:
            ensure_pad_token(network, tokenizer)
        keep_head_in_float32(network)
        self.set_aside = set_aside(network)
        super().__init__(
            network,
            pad_id=tokenizer.pad_token_id,
            max_length=max_length or min(limit, DEFAULT_MAX_LENGTH),
            passed_over=unread,
        )
        self.departures: HeadDepartures | None = None
        self.base: Base | None = None
        self.adapter: Adapter | None = None
        self.tokenizer: Any = tokenizer
        self.has_pinned_date = pin_date(tokenizer)
        self.head_source = Head("that of the given network")
        tokenizer.padding_side = "right"
        self.network.config.problem_type = "regression"  # else the text-classification pipeline applies a sigmoid
        self.network.config.use_cache = False  # of keys and values, which only generation reads again
        # Scores are made without token types; otherwise a pipeline that is given two texts would add them.
        set_input_names(tokenizer, ["input_ids", "attention_mask"])
        self.encoder = Encoder(tokenizer, pools_last_token=self.pools_last_token, convention=convention)

    @property
    def convention(self) -> Convention:
        """How token ids are made; see `rmlab.model.conventions`."""
        return self.encoder.convention

    @classmethod
    def from_pretrained(
        cls,
        name: str | Path = "minilm",
        *,
        seed: int = 0,
        fresh_head: bool = True,
        max_length: int | None = None,
        n_heads: int | None = None,
        revision: str | None = None,
        weights: Weights = "fp32",
        device: str | torch.device | None = None,
    ) -> RewardModel:
        """Load a reward model, or put a fresh head on a backbone.

        Parameters
        ----------
        name
            A short name (``minilm``, ``tiny-decoder``, ``tiny-encoder``), a folder, or a hub id.
        seed
            Seed for the head of a backbone that has none.
        fresh_head
            Whether a backbone without a head gets one with random weights, which must be trained. False refuses it.
        max_length
            Longest sequence in tokens, at most the model's limit; by default the one that rmlab saved with the model,
            else the limit, but at most 1024.
        n_heads
            The number of heads. Training fits each of several to its own resample of the pairs, and `score` can then
            return how far they disagree. By default as many as the model was saved with, or one.
        revision
            Branch, tag or commit of a hub model.
        weights
            ``"bf16"`` holds the backbone in bfloat16, in half the memory. Training then computes in bfloat16. Scoring
            with ``precision="fp32"`` widens the weights for that time, without loss.
        device
            By default a GPU if there is one, Apple's included, else the CPU.

        Raises
        ------
        ModelError
            If the model cannot be found, is damaged, is not safetensors, or cannot be used as a reward model.
        """
        if weights not in ("fp32", "bf16"):
            raise ValueError(f"weights must be 'fp32' or 'bf16', got {weights!r}")
        loaded = load_network(name, seed=seed, revision=revision, weights=weights)
        if loaded.head.fresh and not fresh_head:
            raise ModelError(
                f"{name} has no reward head; with a fresh one, of random weights, its scores would mean nothing. "
                f"Train one (rmlab train PAIRS --backbone {name} --out FOLDER), or give a model that holds one."
            )
        model = cls(
            loaded.network,
            loaded.tokenizer,
            max_length=max_length,
            convention=convention_of(loaded, revision=revision),
            keep_pad=loaded.head.pools_by_pad,
        )
        model.head_source = loaded.head
        model.base = Base(str(name), loaded.source, revision, seed, weights)
        model.departures = load_departures(Path(name), model.head)
        if n_heads is not None and n_heads != model.n_heads:
            if model.departures is not None:
                raise ModelError(
                    f"{name} has {model.n_heads} heads, got n_heads={n_heads}; leave it out, or give the backbone"
                )
            model.departures = make_departures(model.head, n_heads, seed=seed)
        return model.to(device or default_device()).eval()

    @property
    def head(self) -> nn.Linear:
        """The linear layer with one output; it is part of the network."""
        return next(module for module in self.network.modules() if isinstance(module, Float32Linear))

    @property
    def n_heads(self) -> int:
        """How many heads it has; one by default."""
        return 1 if self.departures is None else self.departures.n_heads

    def forward(self, *rows: torch.Tensor, each_head: bool = False, **options: Any) -> torch.Tensor:
        """Score rows of token ids as `TokenScorer.forward` does; with `each_head`, by every head: ``(n, n_heads)``."""
        if self.departures is None or not each_head:
            scores = super().forward(*rows, **options)
            return scores[:, None] if each_head else scores
        with inputs_of(self.head) as features:
            scores = super().forward(*rows, **options)
        return scores[:, None] + self.departures(features[0])

    def bound(self, max_length: int | None) -> int:
        """Return the longest sequence in tokens: the number asked for, if the model allows it, or its own limit."""
        max_length = self.max_length if max_length is None else max_length
        if not 8 <= max_length <= self.max_length:
            raise ValueError(
                f"max_length must be at least 8 and at most the model's {self.max_length}, got {max_length}. "
                "For longer texts load the model with that max_length, up to the number of its positions."
            )
        return max_length

    def encode(self, prompts: Sequence[Text], responses: Sequence[Text], *, max_length: int | None = None) -> Encoded:
        """Turn prompts and responses into token ids.

        The model's `convention` decides how; see `rmlab.model.conventions`. A decoder reads prompt and response joined,
        or messages as the tokenizer's chat template writes them, exactly as TRL's trainer does. An encoder reads ``CLS
        prompt SEP response SEP``, or as its tokenizer joins two texts. Messages without a chat template are written as
        ``Human: ... Assistant: ...``.

        Texts over `max_length` lose tokens from the left of the prompt first. If the response alone is still too
        long, it loses tokens from its left; both are counted.

        Parameters
        ----------
        prompts, responses
            n prompts and n responses; each a text or a list of messages (``{"role": ..., "content": ...}``).
        max_length
            Longest sequence in tokens, at most the model's own.
        """
        return self.encoder.encode(prompts, responses, max_length=self.bound(max_length))

    def encode_pairs(self, pairs: Sequence[PreferencePair], *, max_length: int | None = None) -> EncodedPairs:
        """Encode the chosen and the rejected text of each pair."""
        pairs = list(pairs)
        prompts = [pair.prompt for pair in pairs]
        responses = [pair.chosen for pair in pairs] + [pair.rejected for pair in pairs]
        both = self.encode(prompts * 2, responses, max_length=max_length)
        places = np.arange(2 * len(pairs)).reshape(2, -1)
        same_text = np.array([pair.chosen == pair.rejected for pair in pairs], dtype=bool)
        return EncodedPairs(both.take(places[0]), both.take(places[1]), same_text)

    def score(
        self,
        prompts: Sequence[Text],
        responses: Sequence[Text],
        *,
        uncertainty: bool = False,
        precision: Precision = "fp32",
        batch_tokens: int | None = None,
        progress: bool = False,
    ) -> np.ndarray:
        """Score n responses, each to its own prompt.

        Parameters
        ----------
        prompts, responses
            As for `encode`.
        uncertainty
            Also return the standard deviation over the heads, of which there must be several. Each head's scores are
            known only up to a constant per prompt, so compare spreads within a prompt, or use `score_differences`.
        precision
            ``"fp32"``, ``"bf16"``, or ``"auto"``: bf16 if the machine is faster with it, with scores
            that differ in the third decimal.
        batch_tokens
            Tokens in a batch, padding included; it affects memory and speed, but not scores (to 1e-5 in fp32).
        progress
            Show a bar.

        Returns
        -------
        Scores in nats, float32 of shape ``(n,)``; with `uncertainty` ``(2, n)``, scores and spreads.
        """
        encoded = self.encode(prompts, responses)
        if not uncertainty:
            return self.score_encoded(encoded, precision=precision, batch_tokens=batch_tokens, progress=progress)
        heads = self.score_heads(encoded, precision=precision, batch_tokens=batch_tokens, progress=progress)
        return mean_and_spread(heads)

    def score_differences(
        self,
        pairs: Sequence[PreferencePair] | EncodedPairs,
        *,
        uncertainty: bool = False,
        precision: Precision = "fp32",
        batch_tokens: int | None = None,
        progress: bool = False,
    ) -> np.ndarray:
        """Return score(chosen) - score(rejected) of each pair, in nats: float32 of shape ``(n_pairs,)``.

        Two texts with the same ids differ by exactly zero. With `uncertainty` it is ``(2, n_pairs)``: the differences,
        and the spread of each over the heads. See `score` for the options.
        """
        encoded = pairs if isinstance(pairs, EncodedPairs) else self.encode_pairs(pairs)
        both = encoded.chosen.join(encoded.rejected)
        if uncertainty:
            heads = self.score_heads(both, precision=precision, batch_tokens=batch_tokens, progress=progress)
            chosen, rejected = np.split(heads, 2)
            return mean_and_spread(chosen - rejected)
        scores = self.score_encoded(both, precision=precision, batch_tokens=batch_tokens, progress=progress)
        chosen, rejected = scores.reshape(2, -1)
        return chosen - rejected

    def score_heads(
        self,
        encoded: Encoded,
        *,
        precision: Precision = "fp32",
        batch_tokens: int | None = None,
        progress: bool = False,
    ) -> np.ndarray:
        """Return the scores of encoded texts by every head, float32 ``(n, n_heads)``; for options see `score`."""
        forward = partial(self, each_head=True)
        scores = score_in_chunks(
            self, encoded, forward, precision=precision, batch_tokens=batch_tokens, progress=progress
        )
        return scores.reshape(len(encoded), self.n_heads)

    def score_encoded(
        self,
        encoded: Encoded,
        *,
        precision: Precision = "fp32",
        batch_tokens: int | None = None,
        progress: bool = False,
    ) -> np.ndarray:
        """Score what `encode` returned; the options and the result are those of `score`."""
        return score_in_chunks(self, encoded, self, precision=precision, batch_tokens=batch_tokens, progress=progress)

    def features(
        self,
        encoded: Encoded,
        *,
        precision: Precision = "fp32",
        batch_tokens: int | None = None,
        progress: bool = False,
    ) -> np.ndarray:
        """Return the input of the head for each text, float32 of shape ``(n, width)``: the score is linear in it.

        The options are those of `score`.
        """

        def forward(**inputs: torch.Tensor) -> torch.Tensor:
            with inputs_of(self.head) as read:
                self(**inputs)
            return read[0]

        return score_in_chunks(
            self, encoded, forward, precision=precision, batch_tokens=batch_tokens, progress=progress
        )

    def save_pretrained(
        self, folder: str | Path, *, beside: Mapping[str, str] | None = None, only_adapter: bool = False
    ) -> Path:
        """Write weights, configuration and tokenizer to a folder that transformers can load too.

        The folder is written beside its place and moved there when it is complete, so that a full disk or a crash
        leaves an older model unchanged. Otherwise an older model there is replaced, with its card and its record.

        Parameters
        ----------
        folder
            The folder of the model.
        beside
            Texts by file name, such as a card, which are written with the model but are not part of it.
        only_adapter
            Write only the low-rank adapter and the head of the last run, as PEFT does, with the name and the SHA-256
            of their base. They can be loaded only with that base.

        Raises
        ------
        ModelError
            If there is no such adapter, the folder holds anything that this method did not write, or nothing can be
            written to the disk.
        """
        return save_model(self, folder, beside=beside or {}, only_adapter=only_adapter)

    def export_onnx(
        self,
        folder: str | Path,
        pairs: Sequence[PreferencePair] | None = None,
        *,
        name: str | None = None,
        progress: bool = False,
    ) -> OnnxExport:
        """Write the model for browsers and other runtimes, and compare the exported scores with its own.

        The folder gets ``model.onnx`` (weights in float32), ``model_int8.onnx`` (in 8 bits, see
        `rmlab.model.onnx_weights`), ``tokenizer.json`` and a manifest, ``rmlab_onnx.json``. Both graphs compute in
        float32 and return scores and the input of the head.

        Parameters
        ----------
        folder
            A new folder, or one with an earlier export, which is replaced when the new one is complete.
        pairs
            Pairs on which to compare; by default 50 of the world of replies.
        name
            The name of the model in the manifest; by default that of the folder.
        progress
            Show a bar.

        Raises
        ------
        ModelError
            If the model cannot be exported, the extra ``onnx`` is not installed, or the folder holds anything else.
            Nothing is written then.
        ValueError
            If `pairs` is empty.
        """
        return export_onnx(self, folder, pairs, name=name, progress=progress)
