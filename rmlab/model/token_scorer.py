"""From token ids to scores: a network, and the rows in which texts are laid out for it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import cached_property
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from rmlab._compat.transformers_internals import attention_implementation
from rmlab.model.attention import BLOCK_DEVICES, MaskForm, make_mask, take_blocks, take_masks
from rmlab.model.batches import (
    Batch,
    packed_batches,
    padded_batches,
    read_scores,
    unpadded_batches,
    why_not_packed,
)
from rmlab.model.network import dropouts, pools_last_token
from rmlab.model.packing import pad
from rmlab.model.precision import autocast

__all__ = ["Packing", "TokenScorer"]

Packing = Literal["auto", "off"]

ROW_TOKENS = 256
"""The length of a packed row. Attention costs its square, so it is short; a longer tree has a row of its own."""
BLOCK_ROW_TOKENS = 1024
"""The length of a packed row with a mask of blocks, where pairs of tokens that do not attend cost little. Rows are
filled to it, or to a multiple, so that one compiled kernel serves all, and so that they are whole blocks of 128 tokens:
with others the gradient was not a number (https://github.com/pytorch/pytorch/issues/153799)."""


class TokenScorer(nn.Module):
    """A network that scores token ids, and knows which rows it accepts.

    Parameters
    ----------
    network
        A network of transformers, for sequence classification with one output.
    pad_id
        The id that fills rows; the mask hides it.
    max_length
        Longest sequence in tokens.
    passed_over
        Tokens of this id at the end of a text are not read; see `rmlab.model.network.passed_over`.
    """

    def __init__(self, network: nn.Module, *, pad_id: int, max_length: int, passed_over: int | None = None):
        super().__init__()
        self.network: Any = network
        self.pad_id = pad_id
        self.max_length = max_length
        self.passed_over = passed_over
        self.pools_last_token = pools_last_token(network)

    @property
    def device(self) -> torch.device:
        """The device of the weights."""
        return next(self.parameters()).device

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
            Shape ``(rows, length)``; padded on either side, or packed as `rmlab.model.packing` says.
        attention_mask
            For padded rows: 1 on real tokens, ``(rows, length)``. For packed rows: which token attends to which,
            ``(rows, 1, length, length)``, as `rmlab.model.attention` makes it.
        position_ids
            For packed rows: the place of each token in its own sequence, shape ``(rows, length)``.
        pooled
            For packed rows: row and column of the token from which each score is read, shape ``(n, 2)``.

        Returns
        -------
        Scores, float32, of shape ``(rows,)`` for padded and ``(n,)`` for packed rows.
        """
        if pooled is not None:
            inputs = {"input_ids": input_ids, "attention_mask": attention_mask, "position_ids": position_ids}
            hidden = self.network.base_model(**inputs)[0]  # (rows, length, width)
            return read_scores(self.network, hidden[pooled[:, 0], pooled[:, 1]])
        order = attention_mask.argsort(dim=1, descending=True, stable=True)  # padding goes to the right
        return self.score_right_padded(input_ids.gather(1, order), attention_mask.gather(1, order))

    def score_right_padded(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Score rows that are padded on the right, each array of shape ``(rows, length)``; float32 ``(rows,)``."""
        if not self.pools_last_token:
            return self.network(input_ids=input_ids, attention_mask=attention_mask).logits[:, 0]
        hidden = self.network.base_model(input_ids=input_ids, attention_mask=attention_mask, use_cache=False)[0]
        # found from the mask, never from the pad id: with pad = EOS that would be the token before EOS
        last = attention_mask.sum(1) - 1
        if self.passed_over is not None:
            place = torch.arange(input_ids.shape[1], device=input_ids.device)
            last = (place * attention_mask * (input_ids != self.passed_over)).amax(1)  # (rows,)
        return read_scores(self.network, hidden[torch.arange(hidden.shape[0], device=hidden.device), last])

    def score_ids(
        self,
        input_ids: Sequence[list[int]],
        *,
        keys: Sequence[Hashable] | None = None,
        packing: Packing = "auto",
        batch_tokens: int | None = None,
        forward: Callable[..., torch.Tensor] | None = None,
    ) -> torch.Tensor:
        """Score unpadded token ids, as `encode` returns them, with gradients if they are on; float32, shape ``(n,)``.

        Training and scoring both call this: it is the only place that lays sequences out in batches.

        Parameters
        ----------
        input_ids
            n sequences of token ids.
        keys
            Sequences of one key, such as a prompt, share the computation of the tokens with which they begin, if the
            model is a decoder; by default none do.
        packing
            ``"auto"``: packed rows if the model accepts them (see `packing_fault`); ``"off"``: padded rows.
        batch_tokens
            Bound on the tokens of a batch, padding included; by default 1,024 on a CPU, else 32,768.
        forward
            What to call instead of the model itself: its wrapper in distributed training.
        """
        if packing not in ("auto", "off"):
            raise ValueError(f"packing must be 'auto' or 'off', got {packing!r}")
        if not input_ids:
            return torch.zeros(0, device=self.device)
        if not all(input_ids):  # there would be no token to read a score from
            raise ValueError("expected sequences of at least one token, got an empty one")
        input_ids = self._read_part(input_ids)
        on_cpu = self.device.type == "cpu"
        if batch_tokens is None:
            # on a CPU the activations of a batch then stay in its cache: a step of training takes a quarter less time
            batch_tokens = 1024 if on_cpu else 32_768
        if batch_tokens < 1:
            raise ValueError(f"batch_tokens must be at least 1, got {batch_tokens}")
        if packing == "off" or self.packing_fault is not None:
            return self._score_batches(self._padded(input_ids, batch_tokens), forward or self)
        form = self._mask_form()
        return self._score_batches(self._packed(input_ids, keys, form, batch_tokens), forward or self, form)

    def _read_part(self, input_ids: Sequence[list[int]]) -> Sequence[list[int]]:
        """Return each text up to the token that its score is read from: a decoder's later tokens change nothing."""
        if self.passed_over is None:
            return input_ids
        read = []
        for ids in input_ids:
            n = len(ids)
            while n > 1 and ids[n - 1] == self.passed_over:
                n -= 1
            read.append(ids[:n])
        return read

    def _score_batches(
        self, batches: list[Batch], call: Callable[..., torch.Tensor], form: MaskForm = "added"
    ) -> torch.Tensor:
        """Score batches one after another, and return the scores in the order of the sequences."""
        kind = self.device.type
        dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else next(self.parameters()).dtype
        scores = []
        for _, arrays in batches:
            inputs: dict[str, Any] = {name: array.to(self.device) for name, array in arrays.items()}
            if "trees" in inputs:
                parts = inputs.pop("trees"), inputs.pop("branches")
                inputs["attention_mask"] = make_mask(*parts, causal=self.pools_last_token, form=form, dtype=dtype)
            scores.append(call(**inputs))
        place = np.argsort(np.concatenate([members for members, _ in batches]))
        return torch.cat(scores)[torch.from_numpy(place).to(self.device)].float()

    def _mask_form(self) -> MaskForm:
        """Return the form of the mask: blocks for gradients on a GPU without dropout, else an added mask.

        Compiling FlexAttention takes longer than computing a few scores, and it has no dropout of its own.
        """
        if self.device.type not in BLOCK_DEVICES or not torch.is_grad_enabled():
            return "added"
        drops_out = self.training and any(p > 0 for _, _, p in dropouts(self.network))
        return "added" if drops_out or self.block_fault is not None else "blocks"

    def _padded(self, input_ids: Sequence[list[int]], batch_tokens: int) -> list[Batch]:
        if self.padding_fault is not None:
            return unpadded_batches(input_ids, batch_tokens=batch_tokens, pad_id=self.pad_id)
        return padded_batches(input_ids, batch_tokens=batch_tokens, pad_id=self.pad_id, at_most=self.max_length)

    def _packed(
        self, input_ids: Sequence[list[int]], keys: Sequence[Hashable] | None, form: MaskForm, batch_tokens: int
    ) -> list[Batch]:
        row_tokens, fill_to = (BLOCK_ROW_TOKENS,) * 2 if form == "blocks" else (ROW_TOKENS, 1)
        return packed_batches(
            input_ids,
            range(len(input_ids)) if keys is None else keys,
            causal=self.pools_last_token,
            row_tokens=min(batch_tokens, row_tokens),
            batch_tokens=batch_tokens,
            pad_id=self.pad_id,
            fill_to=fill_to,
        )

    def layout(self, packing: Packing = "auto") -> str:
        """Return a description of how texts are laid out in rows."""
        if packing == "off" or self.packing_fault is not None:
            if self.padding_fault is not None:
                return f"rows of equal length, without padding, since {self.padding_fault}"
            return "padded rows" + ("" if packing == "off" else f" (packed ones cannot be used: {self.packing_fault})")
        packed = (
            "packed rows, with a common beginning of two texts computed once"
            if self.pools_last_token
            else "packed rows"
        )
        if self.device.type not in BLOCK_DEVICES:
            return packed
        if self.block_fault is None:
            return f"{packed}; by FlexAttention if there are gradients and no dropout"
        return f"{packed} (FlexAttention cannot be used: {self.block_fault})"

    @cached_property
    def packing_fault(self) -> str | None:
        """The reason why this model cannot score packed rows; None if it can.

        It is found by trying: two pairs of random token ids are scored in a packed row and in padded ones.
        """
        fault = why_not_packed(self.network)
        if fault is None:
            take_masks(self.network)
            fault = self._differs_packed("added")
        return fault

    @cached_property
    def padding_fault(self) -> str | None:
        """How scores depend on the padding of a row, as in a network that ignores the mask; None if they do not.

        It is found by trying: random token ids are scored unpadded, and padded to about eight times their length.
        """
        generator = np.random.default_rng(0)
        vocabulary = self.network.get_input_embeddings().num_embeddings
        sequences = generator.integers(vocabulary, size=(4, 9)).tolist()

        def score(length: int) -> torch.Tensor:
            ids, mask = map(torch.from_numpy, pad(sequences, pad_id=self.pad_id, length=length))
            return self(ids.to(self.device), mask.to(self.device))

        with self.evaluating(), torch.no_grad(), self.computing(bf16=False):
            try:
                alone, padded = score(9), score(75)
            except Exception:  # whatever somebody's model may raise at ids without the tokens that it expects
                return None
        difference, spread = float((alone - padded).abs().max()), float(alone.std())
        return None if difference <= 1e-2 * spread else f"padding moves scores by {difference:.2g}"

    @cached_property
    def block_fault(self) -> str | None:
        """The reason why FlexAttention cannot train this model on packed rows, found by trying; None if it can."""
        before = attention_implementation(self.network)
        try:
            take_blocks(self.network)
        except ValueError as error:
            return str(error)
        fault = self._differs_packed("blocks")
        if fault is not None:
            self.network.set_attn_implementation(before)
        return fault

    def _differs_packed(self, form: MaskForm) -> str | None:
        """Return how the scores of a few sequences differ between packed and padded rows; None if they agree."""
        generator = np.random.default_rng(0)
        vocabulary = self.network.get_input_embeddings().num_embeddings
        pairs = 10 if form == "blocks" else 2  # so that there are several blocks
        prompts, tails = ([generator.integers(vocabulary, size=n).tolist() for n in sizes]
                          for sizes in ((24, 40) * (pairs // 2), (16, 9, 5, 12) * (pairs // 2)))  # fmt: skip
        keys = [i // 2 for i in range(2 * pairs)]
        sequences = [prompts[key] + tail for key, tail in zip(keys, tails, strict=True)]
        # With blocks the backward pass is tested too, down to a vector before the first attention or within it.
        vectors = (p for p in self.network.base_model.parameters() if p.ndim == 1 and p.requires_grad)
        weight = next(vectors, None) if form == "blocks" else None

        def score(batches: list[Batch]) -> list[torch.Tensor]:
            scores = self._score_batches(batches, self, form)
            weights = torch.linspace(1, 2, len(scores), device=scores.device)
            return [scores.detach(), *([] if weight is None else torch.autograd.grad(scores @ weights, weight))]

        with self.evaluating(), torch.set_grad_enabled(weight is not None), self.computing(bf16=False):
            try:
                packed = score(self._packed(sequences, keys, form, 1024))
            except Exception as error:  # whatever somebody's model may raise
                return f"it raised {type(error).__name__}: {next(iter(str(error).splitlines()), '')}"
            padded = score(self._padded(sequences, 1024))
        tolerance = max(1e-4, 4 * torch.finfo(next(self.parameters()).dtype).eps)
        for what, found, expected in zip(("scores", "gradients"), packed, padded, strict=False):
            difference, spread = float((found - expected).abs().max()), float(expected.std())
            if not difference <= tolerance * spread:
                return f"its {what} differ by {difference:.2g} there, where they spread by {spread:.2g}"
        return None

    @property
    def holds_bf16(self) -> bool:
        """Whether weights are held in bfloat16."""
        return any(parameter.dtype == torch.bfloat16 for parameter in self.parameters())

    @contextlib.contextmanager
    def computing(self, *, bf16: bool) -> Iterator[None]:
        """Compute in bfloat16, or in float32 with the weights that are held in bfloat16 widened for that time.

        This does not change their values: float32 holds each number of bfloat16.
        """
        narrow = [] if bf16 else [p for p in self.parameters() if p.dtype == torch.bfloat16]
        for parameter in narrow:
            parameter.data = parameter.data.float()
        try:
            with autocast(self.device, bf16):
                yield
        finally:
            for parameter in narrow:
                parameter.data = parameter.data.bfloat16()

    @contextlib.contextmanager
    def evaluating(self) -> Iterator[None]:
        """Put the model in evaluation mode, and afterwards back in the mode that it had."""
        training = self.training
        self.eval()
        try:
            yield
        finally:
            self.train(training)
