"""The reward model itself."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from safetensors import SafetensorError
from torch import nn

from rmlab.backbones import ModelError, load_network, quiet_transformers
from rmlab.data import PreferencePair
from rmlab.model.encode import Encoded, EncodedPairs, Encoder, Text
from rmlab.model.network import Float32Linear, ensure_pad_token, keep_head_in_float32
from rmlab.model.precision import Precision, autocast
from rmlab.model.rows import Batch, packed_batches, padded_batches, read_scores, why_not_packed
from rmlab.model.save import check_destination, replacing, write_manifest
from rmlab.model.scoring import score_in_chunks

__all__ = ["Packing", "RewardModel"]

Packing = Literal["auto", "off"]

DEFAULT_MAX_LENGTH = 1024
ROW_TOKENS = 256
"""Of a packed row. Attention costs its square, so it is short; a tree that is longer has a row of its own."""


class RewardModel(nn.Module):
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
    """

    def __init__(self, network: nn.Module, tokenizer: Any, *, max_length: int | None = None):
        super().__init__()
        self.network: Any = network
        self.tokenizer: Any = tokenizer
        self.pools_last_token = isinstance(getattr(network, "score", None), nn.Linear)
        limits = (getattr(self.network.config, "max_position_embeddings", None), tokenizer.model_max_length)
        limit = min([value for value in limits if value] or [DEFAULT_MAX_LENGTH])
        if max_length is not None and not 8 <= max_length <= limit:
            raise ModelError(f"max_length must be at least 8 and at most {limit} for this model, got {max_length}")
        self.max_length = max_length or min(limit, DEFAULT_MAX_LENGTH)
        ensure_pad_token(self.network, tokenizer)
        keep_head_in_float32(self.network)
        self.network.config.use_cache = False  # of keys and values, which only generation reads again
        # Scores are made without token types; a pipeline that is given a text and its pair would else add them. Only
        # what stands in init_kwargs is saved.
        tokenizer.model_input_names = tokenizer.init_kwargs["model_input_names"] = ["input_ids", "attention_mask"]
        self.encoder = Encoder(tokenizer, pools_last_token=self.pools_last_token)

    @classmethod
    def from_pretrained(
        cls,
        name: str | Path = "minilm",
        *,
        seed: int = 0,
        max_length: int | None = None,
        revision: str | None = None,
        device: str | torch.device | None = None,
    ) -> RewardModel:
        """Load a reward model, or give a backbone a fresh head.

        Parameters
        ----------
        name
            A short name (``minilm``, ``tiny-decoder``, ``tiny-encoder``), a folder, or a hub id.
        seed
            Seeds the head of a backbone that has none.
        max_length
            Longest sequence in tokens; by default what the model allows, at most 1024.
        revision
            Pins a hub model.
        device
            By default a GPU if there is one, else the CPU.

        Raises
        ------
        ModelError
            If the model cannot be found, is damaged, is not safetensors, or cannot serve as a reward model.
        """
        network, tokenizer = load_network(name, seed=seed, revision=revision)
        model = cls(network, tokenizer, max_length=max_length)
        return model.to(device or ("cuda" if torch.cuda.is_available() else "cpu")).eval()

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.parameters()).device

    @property
    def head(self) -> nn.Linear:
        """The linear layer with one output; a part of the network."""
        return next(module for module in self.network.modules() if isinstance(module, Float32Linear))

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        *,
        position_ids: torch.Tensor | None = None,
        pooled: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Score token ids that are laid out in rows.

        Parameters
        ----------
        input_ids
            Shape ``(rows, length)``; padded on either side, or packed as `rmlab.packing` says.
        attention_mask
            Of padded rows: 1 on real tokens, shape ``(rows, length)``. Of packed rows: what is added to the logits of
            attention, shape ``(rows, 1, length, length)``.
        position_ids
            Of packed rows: the place of each token in its own sequence, shape ``(rows, length)``.
        pooled
            Of packed rows: row and column of the token that each score is read from, shape ``(n, 2)``.

        Returns
        -------
        Scores, float32, of shape ``(rows,)`` for padded and ``(n,)`` for packed rows.
        """
        if pooled is not None:
            inputs = {"input_ids": input_ids, "attention_mask": attention_mask, "position_ids": position_ids}
            hidden = self.network.base_model(**inputs)[0]  # (rows, length, width)
            return read_scores(self.network, hidden[pooled[:, 0], pooled[:, 1]])
        order = attention_mask.argsort(dim=1, descending=True, stable=True)  # padding goes to the right
        input_ids, attention_mask = input_ids.gather(1, order), attention_mask.gather(1, order)  # (rows, length)
        if not self.pools_last_token:
            return self.network(input_ids=input_ids, attention_mask=attention_mask).logits[:, 0]
        hidden = self.network.base_model(input_ids=input_ids, attention_mask=attention_mask, use_cache=False)[0]
        # found from the mask, never from the pad id: with pad = EOS that would be the token before EOS
        last = attention_mask.sum(1) - 1
        return read_scores(self.network, hidden[torch.arange(len(hidden), device=hidden.device), last])

    def score_ids(
        self,
        input_ids: Sequence[list[int]],
        *,
        keys: Sequence[Hashable] | None = None,
        packing: Packing = "auto",
        batch_tokens: int | None = None,
        forward: Callable[..., torch.Tensor] | None = None,
    ) -> torch.Tensor:
        """Score unpadded token ids, as `encode` gives them, with gradients if they are on; float32, shape ``(n,)``.

        Training and scoring both go through here: it is the one place that lays sequences out in batches.

        Parameters
        ----------
        input_ids
            n sequences of token ids.
        keys
            Sequences of one key, such as a prompt, share the computation of the tokens that they begin with, where
            the model is a decoder; by default none do.
        packing
            ``"auto"``: in packed rows where the model takes them (see `packing_fault`); ``"off"``: in padded ones.
        batch_tokens
            Bound on the tokens of a batch, padding included; by default 1,024 on a CPU, else 32,768.
        forward
            What to call in place of the model itself: its wrapper in distributed training.
        """
        if packing not in ("auto", "off"):
            raise ValueError(f"packing must be 'auto' or 'off', got {packing!r}")
        if not input_ids:
            return torch.zeros(0, device=self.device)
        if not all(input_ids):  # there would be no token to read a score from
            raise ValueError("expected sequences of at least one token, got an empty one")
        on_cpu = self.device.type == "cpu"
        if batch_tokens is None:
            # on a CPU the activations of a batch then stay in its cache: a step of training takes a quarter less time
            batch_tokens = 1024 if on_cpu else 32_768
        if batch_tokens < 1:
            raise ValueError(f"batch_tokens must be at least 1, got {batch_tokens}")
        if packing == "auto" and self.packing_fault is None:
            batches = self._packed(input_ids, keys, min(batch_tokens, ROW_TOKENS), batch_tokens)
        else:
            batches = self._padded(input_ids, batch_tokens)
        call = forward or self
        scores = [call(**{k: v.to(self.device) for k, v in inputs.items()}) for _, inputs in batches]
        place = np.argsort(np.concatenate([members for members, _ in batches]))
        return torch.cat(scores)[torch.from_numpy(place).to(self.device)].float()

    def _padded(self, input_ids: Sequence[list[int]], batch_tokens: int) -> list[Batch]:
        pad_id = self.tokenizer.pad_token_id
        return padded_batches(input_ids, batch_tokens=batch_tokens, pad_id=pad_id, at_most=self.max_length)

    def _packed(
        self, input_ids: Sequence[list[int]], keys: Sequence[Hashable] | None, row_tokens: int, batch_tokens: int
    ) -> list[Batch]:
        kind = self.device.type
        dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else next(self.parameters()).dtype
        return packed_batches(
            input_ids,
            range(len(input_ids)) if keys is None else keys,
            causal=self.pools_last_token,
            row_tokens=row_tokens,
            batch_tokens=batch_tokens,
            pad_id=self.tokenizer.pad_token_id,
            dtype=dtype,
        )

    def layout(self, packing: Packing = "auto") -> str:
        """Say in words how texts are laid out in rows."""
        if packing == "off" or self.packing_fault is not None:
            return "padded rows" + ("" if packing == "off" else f" (packed ones would not do: {self.packing_fault})")
        return "packed rows, what two texts begin with computed once" if self.pools_last_token else "packed rows"

    @cached_property
    def packing_fault(self) -> str | None:
        """Why this model cannot score packed rows; None if it can.

        It is found by trying: two pairs of random token ids are scored in one row and in padded ones.
        """
        return why_not_packed(self.network) or self._differs_packed()

    def _differs_packed(self) -> str | None:
        """Score a few sequences both ways, and say how they differ, if they do."""
        generator = np.random.default_rng(0)
        prompts, tails = ([generator.integers(self.network.config.vocab_size, size=n).tolist() for n in sizes]
                          for sizes in ((24, 40), (16, 9, 5, 12)))  # fmt: skip
        sequences = [prompts[i // 2] + tail for i, tail in enumerate(tails)]
        with self.evaluating(), torch.no_grad(), autocast(self.device, enabled=False):
            try:
                ((members, inputs),) = self._packed(sequences, [0, 0, 1, 1], 1024, 1024)
                packed = self(**{k: v.to(self.device) for k, v in inputs.items()})
            except Exception as error:  # whatever a model of others may raise
                return f"it raised {type(error).__name__}: {error}"
            ((order, inputs),) = self._padded(sequences, 1024)
            padded = self(**{k: v.to(self.device) for k, v in inputs.items()})
        difference = float((packed[members.argsort()] - padded[order.argsort()]).abs().max())
        spread = float(padded.std())
        tolerance = max(1e-4, 4 * torch.finfo(next(self.parameters()).dtype).eps)
        if not difference <= tolerance * spread:
            return f"its scores differ by {difference:.2g} there, where they spread by {spread:.2g}"
        return None

    def encode(self, prompts: Sequence[Text], responses: Sequence[Text], *, max_length: int | None = None) -> Encoded:
        """Turn prompts and responses into token ids.

        Prompt and response are tokenised apart, so that two responses to one prompt share its ids to the last. A
        decoder reads ``[BOS] prompt response EOS`` (BOS where its tokenizer adds one), an encoder
        ``CLS prompt SEP response SEP`` or as its tokenizer joins two texts. Messages go through the tokenizer's chat
        template, or are written as ``Human: ... Assistant: ...`` where it has none.

        Texts over `max_length` lose tokens from the left of the prompt first, then, if the response alone is too
        long, from the left of the response; both are counted.

        Parameters
        ----------
        prompts, responses
            n prompts and n responses; each a text or a list of messages (``{"role": ..., "content": ...}``).
        max_length
            Longest sequence in tokens, at most the model's own.
        """
        max_length = self.max_length if max_length is None else max_length
        if not 8 <= max_length <= self.max_length:
            raise ValueError(
                f"max_length must be at least 8 and at most the model's {self.max_length}, got {max_length}"
            )
        return self.encoder.encode(prompts, responses, max_length=max_length)

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
        precision: Precision = "fp32",
        batch_tokens: int | None = None,
        progress: bool = False,
    ) -> np.ndarray:
        """Score n responses, each to its own prompt.

        Parameters
        ----------
        prompts, responses
            As for `encode`.
        precision
            ``"fp32"``, ``"bf16"``, or ``"auto"``: bf16 where the machine is faster in it, with scores
            that differ in the third decimal.
        batch_tokens
            Tokens in a batch, padding included; it changes memory and speed, not scores (to 1e-5 in fp32).
        progress
            Show a bar.

        Returns
        -------
        Scores in nats, float32 of shape ``(n,)``.
        """
        encoded = self.encode(prompts, responses)
        return self.score_encoded(encoded, precision=precision, batch_tokens=batch_tokens, progress=progress)

    def score_differences(
        self,
        pairs: Sequence[PreferencePair] | EncodedPairs,
        *,
        precision: Precision = "fp32",
        batch_tokens: int | None = None,
        progress: bool = False,
    ) -> np.ndarray:
        """Score(chosen) - score(rejected) of each pair, in nats: float32 of shape ``(n_pairs,)``.

        Two texts with the same ids differ by exactly zero. See `score` for the options.
        """
        encoded = pairs if isinstance(pairs, EncodedPairs) else self.encode_pairs(pairs)
        both = encoded.chosen.join(encoded.rejected)
        scores = self.score_encoded(both, precision=precision, batch_tokens=batch_tokens, progress=progress)
        chosen, rejected = scores.reshape(2, -1)
        return chosen - rejected

    def score_encoded(
        self,
        encoded: Encoded,
        *,
        precision: Precision = "fp32",
        batch_tokens: int | None = None,
        progress: bool = False,
    ) -> np.ndarray:
        """Score what `encode` made; the options and the result are those of `score`."""
        return score_in_chunks(self, encoded, self, precision=precision, batch_tokens=batch_tokens, progress=progress)

    def features(
        self,
        encoded: Encoded,
        *,
        precision: Precision = "fp32",
        batch_tokens: int | None = None,
        progress: bool = False,
    ) -> np.ndarray:
        """Give what the head reads of each text, float32 of shape ``(n, width)``: the score is linear in it.

        The options are those of `score`.
        """
        read: list[torch.Tensor] = []

        def forward(**inputs: torch.Tensor) -> torch.Tensor:
            read.clear()
            self(**inputs)
            return read[0]

        hook = self.head.register_forward_pre_hook(lambda _, arguments: read.append(arguments[0]))
        try:
            return score_in_chunks(
                self, encoded, forward, precision=precision, batch_tokens=batch_tokens, progress=progress
            )
        finally:
            hook.remove()

    def save_pretrained(self, folder: str | Path) -> Path:
        """Write weights, configuration and tokenizer to a folder that transformers can load too.

        The folder is written beside its place and moved there when it is whole, so that a full disk or a crash
        leaves an older model as it was. An older model in that folder gives way, with all that lies beside it.

        Raises
        ------
        ModelError
            If the folder holds anything that this method did not write, or the disk refuses.
        """
        folder = check_destination(folder)
        try:
            with replacing(folder) as new:
                with quiet_transformers():
                    self.network.save_pretrained(new)
                self.tokenizer.padding_side = "right"
                self.tokenizer.model_max_length = self.max_length
                self.tokenizer.save_pretrained(new)
                write_manifest(new)
        except (OSError, SafetensorError) as error:
            raise ModelError(
                f"the model could not be saved to {folder}: {error}. Make room or choose another folder; "
                "an older model there is as it was."
            ) from error
        return folder

    @contextlib.contextmanager
    def evaluating(self) -> Iterator[None]:
        """Hold the model in evaluation mode, and put back the mode that it had."""
        training = self.training
        self.eval()
        try:
            yield
        finally:
            self.train(training)
