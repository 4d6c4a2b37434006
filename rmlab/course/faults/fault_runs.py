"""A run of the fault lab: a usual training loop with a switch for each fault, and the numbers that it yields."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from torch.nn.utils import parameters_to_vector
from transformers import AutoModelForSequenceClassification

from rmlab.audit import Audit, RunAudit, audit, audit_run
from rmlab.course.faults.bench import Parts, make_network, make_parts, make_tokenizer
from rmlab.course.faults.catalogue import FAULTS
from rmlab.data import PreferencePair
from rmlab.evaluation import evaluate
from rmlab.model.backbones import MANIFEST, quiet_transformers, torch_seed
from rmlab.model.conventions import BLANK_LINE, Joined
from rmlab.preference import preference_loss

__all__ = ["FaultRun", "run"]

STEPS, BATCH, LEARNING_RATE, TOO_HIGH, WARMUP = 60, 16, 0.002, 0.1, 5
START = 85.7
"""Mean score of the first batch, as if the head had been fitted to marks out of 100. No difference depends on it."""
CHUNK, SHOWN, AUDITED = 64, 24, 32

Texts = Sequence[str]


def naive_loss(chosen: torch.Tensor, rejected: torch.Tensor) -> torch.Tensor:
    """Return the loss by its formula on paper, which is infinite in float32 where a score is above 88.7."""
    return torch.log(torch.exp(chosen) + torch.exp(rejected)) - chosen


def stable_loss(chosen: torch.Tensor, rejected: torch.Tensor) -> torch.Tensor:
    """Return the loss, computed from the difference."""
    return preference_loss(chosen - rejected)


def pair_accuracy(chosen: np.ndarray, rejected: np.ndarray) -> float:
    """Return the share of pairs whose chosen response scores higher, a tie counting one half."""
    return evaluate(chosen - rejected).accuracy


def pooled_accuracy(chosen: np.ndarray, rejected: np.ndarray) -> float:
    """Return the share of (chosen, rejected) in which chosen scores higher, over all responses of all prompts."""
    return evaluate((chosen[:, None] - rejected[None, :]).ravel()).accuracy


@dataclass(frozen=True, eq=False)
class FaultRun:
    """The results of one run. Scores and losses are in nats."""

    fault: str | None
    """The fault that was switched on; None in a run without one."""
    seed: int
    losses: np.ndarray
    """The loss of each step, ``(n_steps,)``; the run ends with the first that is not finite."""
    update_ratios: np.ndarray
    """How far each step moves the weights, as a share of their norm, ``(n_steps,)``."""
    scores: tuple[np.ndarray, np.ndarray]
    """Scores of chosen and rejected responses to questions in neither part, ``(n_others,)`` each."""
    training_accuracy: float
    test_accuracy: float
    alone: np.ndarray
    in_batch: np.ndarray
    """The scores of some texts one at a time, and in one batch; ``(n_shown,)`` each."""
    loaded: np.ndarray
    """The scores of the same texts, one at a time, by the model that was saved and loaded again."""
    tokens: tuple[str, ...]
    """One row of a batch, as tokens, padding included."""
    n_text: int
    """How many of these belong to the text, EOS included."""
    read_at: int | None
    """The column at which that row's score is read; None if it depends on none."""
    parts: Parts = field(repr=False)
    network: Any = field(repr=False)
    tokenizer: Any = field(repr=False)

    @property
    def differences(self) -> np.ndarray:
        """score(chosen) - score(rejected) on the other questions, ``(n_others,)``."""
        return self.scores[0] - self.scores[1]

    @property
    def sources(self) -> list[str]:
        """The source of the label of each pair of the other questions."""
        return [str(pair.group) for pair in self.parts.others]

    def score(self, prompts: Texts, responses: Texts) -> np.ndarray:
        """Score responses to prompts, in nats; float64 of shape ``(n,)``."""
        return _scores(self.network, self.tokenizer, [_joined(*text) for text in zip(prompts, responses, strict=True)])

    @cached_property
    def by_source(self) -> dict[str, float]:
        """The accuracy on the other questions, by source."""
        groups = evaluate(self.differences, groups=self.sources).groups or {}
        return {str(name): groups[name].accuracy for name in sorted(groups, key=str)}

    @property
    def reported_accuracy(self) -> float:
        """The accuracy on the other questions as the run reports it."""
        return (pooled_accuracy if self.fault == "prompt constant" else pair_accuracy)(*self.scores)

    @cached_property
    def signs(self) -> dict[str, float]:
        """The numbers of its picture in which faults show.

        Shares are from 0 to 1; ``batch`` and ``reload`` are in standard deviations of the scores; ``after the score``
        counts the tokens of the text after the one that is read.
        """
        spread = float(np.std(np.concatenate(self.scores))) or 1.0
        ends_in_eos = self.tokens[self.n_text - 1] == self.tokenizer.eos_token
        finite = self.losses[np.isfinite(self.losses)]
        return {
            "steps": float(len(finite)),
            "last loss": float(finite[-15:].mean()) if len(finite) else math.nan,
            "ties": float(np.mean(self.differences == 0)),
            "training": self.training_accuracy,
            "test": self.test_accuracy,
            "others": pair_accuracy(*self.scores),
            "worst source": min(self.by_source.values()),
            "reported": self.reported_accuracy,
            "batch": float(np.abs(self.alone - self.in_batch).max()) / spread,
            "reload": float(np.abs(self.alone - self.loaded).max()) / spread,
            "ends in EOS": float(ends_in_eos),
            "after the score": math.nan if self.read_at is None else float(self.n_text - 1 - self.read_at),
        }

    @cached_property
    def model_audit(self) -> Audit:
        """What `rmlab.audit.audit` finds in the model as it was saved."""
        with tempfile.TemporaryDirectory() as scratch, quiet_transformers():
            return audit(_save(self, Path(scratch)), self.parts.others, sample=AUDITED)

    @cached_property
    def run_audit(self) -> RunAudit:
        """What `rmlab.audit.audit_run` finds in the run."""
        return audit_run(
            train=self.parts.train,
            test=self.parts.test,
            score_differences=self.differences,
            sources=self.sources,
            loss=naive_loss if self.fault == "naive log" else stable_loss,
            losses=self.losses,
            update_ratios=self.update_ratios,
            metric=pooled_accuracy if self.fault == "prompt constant" else pair_accuracy,
            scores=self.scores,
            prompts=[str(pair.prompt) for pair in self.parts.others],
        )

    @property
    def broken(self) -> tuple[str, ...]:
        """The broken lines of both tables, as `KnownFault.caught_by` names them."""
        tables = {"audit": self.model_audit, "audit_run": self.run_audit}
        return tuple(f"{name}: {line}" for name, table in tables.items() for line in table.broken)


@cache
def run(fault: str | None = None, seed: int = 0) -> FaultRun:
    """Train a tiny decoder on replies of the world with this fault, and keep what its picture and audit need.

    Parameters
    ----------
    fault
        A name in `FAULTS`; None switches no fault on.
    seed
        Seed of the pairs, their split, the head and the order of training.

    Raises
    ------
    ValueError
        If there is no such fault.
    """
    if fault is not None and fault not in FAULTS:
        raise ValueError(f"there is no fault {fault!r}; there are {', '.join(FAULTS)}")
    parts, tokenizer = make_parts(fault, seed), make_tokenizer(fault)
    with torch_seed(seed), quiet_transformers():
        network = make_network(fault, tokenizer, seed)
        losses, update_ratios = _train(network, tokenizer, parts.train, fault, seed)
        network.eval()
        scores, training, test = (
            tuple(np.split(_scores(network, tokenizer, [*_texts(part, "chosen"), *_texts(part, "rejected")]), 2))
            for part in (parts.others, parts.train[:200], parts.test)
        )
        shown = _texts(parts.others[:SHOWN], "chosen")
        tokens, n_text, read_at = _reading(network, tokenizer, shown)
        made = FaultRun(
            fault=fault,
            seed=seed,
            losses=losses,
            update_ratios=update_ratios,
            scores=scores,  # pyright: ignore[reportArgumentType]
            training_accuracy=pair_accuracy(*training),
            test_accuracy=pair_accuracy(*test),
            alone=_alone(network, tokenizer, shown),
            in_batch=_scores(network, tokenizer, shown, chunk=SHOWN),
            loaded=np.empty(0),
            tokens=tokens,
            n_text=n_text,
            read_at=read_at,
            parts=parts,
            network=network,
            tokenizer=tokenizer,
        )
        with tempfile.TemporaryDirectory() as scratch, torch_seed(seed + 1):
            loaded = AutoModelForSequenceClassification.from_pretrained(_save(made, Path(scratch)), dtype=torch.float32)
        object.__setattr__(made, "loaded", _alone(loaded.eval(), tokenizer, shown))
    return made


def _train(
    network: Any, tokenizer: Any, pairs: Sequence[PreferencePair], fault: str | None, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Train the network in place; return the loss of each step, and how far it moved the weights."""
    rng, order, losses, ratios = np.random.default_rng(seed), [], [], []
    chosen_texts, rejected_texts = _texts(pairs, "chosen"), _texts(pairs, "rejected")
    compute_loss = naive_loss if fault == "naive log" else stable_loss
    highest = TOO_HIGH if fault == "learning rate" else LEARNING_RATE
    optimizer = torch.optim.AdamW(network.parameters(), lr=highest)
    network.train()
    constant = START
    for step in range(STEPS):
        if len(order) < BATCH:
            order = rng.permutation(len(pairs)).tolist()
        batch = [order.pop() for _ in range(BATCH)]
        texts = [side[i] for side in (chosen_texts, rejected_texts) for i in batch]
        outputs = network(**_read(tokenizer, texts)).logits  # (2 BATCH, n_outputs)
        constant = START - outputs[:, -1].mean().item() if step == 0 else constant
        scores = constant + outputs[:, -1]
        loss = compute_loss(scores[:BATCH], scores[BATCH:]).mean()
        losses.append(loss.item())
        if not math.isfinite(losses[-1]):
            break  # after one more step no weight would be a number
        if loss.requires_grad:
            optimizer.zero_grad()
            loss.backward()
            for group in optimizer.param_groups:
                group["lr"] = highest * min(1.0, (step + 1) / WARMUP) * 0.5 * (1 + math.cos(math.pi * step / STEPS))
            before = parameters_to_vector(network.parameters()).detach()
            optimizer.step()
            moved = parameters_to_vector(network.parameters()).detach() - before
            ratios.append(float(moved.norm() / before.norm()))
    return np.array(losses), np.array(ratios or [0.0])


def _texts(pairs: Sequence[PreferencePair], side: str) -> list[str]:
    return [_joined(str(pair.prompt), getattr(pair, side)) for pair in pairs]


def _joined(prompt: str, response: str) -> str:
    return f"{prompt}\n\n{response}"


def _read(tokenizer: Any, texts: Texts) -> dict[str, torch.Tensor]:
    return dict(tokenizer(list(texts), truncation=True, padding=True, return_tensors="pt"))


def _scores(network: Any, tokenizer: Any, texts: Texts, chunk: int = CHUNK) -> np.ndarray:
    """Score texts in batches, in their order; float64 of shape ``(n,)``."""
    with torch.inference_mode():
        parts = [texts[start : start + chunk] for start in range(0, len(texts), chunk)]
        return np.concatenate([network(**_read(tokenizer, part)).logits[:, 0].double().numpy() for part in parts])


def _alone(network: Any, tokenizer: Any, texts: Texts) -> np.ndarray:
    return _scores(network, tokenizer, texts, chunk=1)


def _reading(network: Any, tokenizer: Any, texts: Texts) -> tuple[tuple[str, ...], int, int | None]:
    """Return a row of a batch as tokens, how many are text, and the column at which its score is read.

    The row is that of the shortest text, which is followed by padding. The column is the one whose hidden vector gets
    the largest gradient from the score.
    """
    inputs = _read(tokenizer, texts)
    lengths = inputs["attention_mask"].sum(1)
    row = int(lengths.argmin())
    kept: list[torch.Tensor] = []
    hook = network.base_model.register_forward_hook(lambda *given: kept.append(given[2][0]))
    try:
        output = network(**inputs).logits[row, 0]
    finally:
        hook.remove()
    slopes = torch.autograd.grad(output, kept[-1])[0][row].abs().sum(-1)  # (length,)
    read_at = int(slopes.argmax()) if float(slopes.max()) > 0 else None
    return tuple(tokenizer.convert_ids_to_tokens(inputs["input_ids"][row].tolist())), int(lengths[row]), read_at


def _save(made: FaultRun, folder: Path) -> Path:
    """Save the model as the run does; with the fault "head lost", without its head."""
    made.network.save_pretrained(folder)
    made.tokenizer.save_pretrained(folder)
    read_as = Joined(BLANK_LINE, ends=False).to_dict()  # see `_joined`; the tokenizer itself adds EOS
    (folder / MANIFEST).write_text(json.dumps({"token_ids": read_as}), encoding="utf-8")
    if made.fault == "head lost":
        file = folder / "model.safetensors"
        kept = {n: w for n, w in safetensors.torch.load_file(file).items() if n != "score.weight"}
        safetensors.torch.save_file(kept, file, {"format": "pt"})
    return folder
