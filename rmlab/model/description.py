"""A page on what rmlab understood of a model: the first thing to look at with a model that others trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

from rmlab.model.conventions import BLANK_LINE, Joined
from rmlab.model.heads import MLPHead
from rmlab.model.model_error import ModelError
from rmlab.model.network import positions
from rmlab.model.precision import use_bf16
from rmlab.model.rendering import TEMPLATE_DATE, Text, by_template
from rmlab.model.reward_model import RewardModel
from rmlab.model.shown import tokens_of

__all__ = ["EXAMPLE", "ModelDescription", "describe"]

EXAMPLE = ("What is two and two?", "It is four.")
CALL: Mapping[str, Any] = {
    "role": "assistant",
    "content": None,
    "tool_calls": [{"type": "function", "function": {"name": "add", "arguments": {"a": 2, "b": 2}}}],
}
WIDTH = 13


@dataclass(frozen=True)
class ModelDescription:
    """What rmlab understood of a model; `str` makes it a page."""

    model: str
    architecture: str
    head: tuple[str, ...]
    """Where the head came from, from which token it is read, and what else the checkpoint held."""
    has_fresh_head: bool
    convention: Mapping[str, str]
    """How token ids are made, as the folder records it."""
    token_ids: tuple[str, ...]
    """The same in words."""
    texts: Mapping[str, tuple[tuple[str, ...], int]]
    """The tokens of an example by its kind, plain or conversation, and how many of them are the prompt's."""
    template: tuple[str, ...]
    precision: str
    max_length: int
    length: str
    packing_fault: str | None
    """Why packed rows cannot be used; None if they can."""
    layout: str

    def to_dict(self) -> dict[str, Any]:
        """Return the page in a form that JSON can hold."""
        texts = {kind: {"tokens": list(tokens), "prompt_tokens": n} for kind, (tokens, n) in self.texts.items()}
        return {**self.__dict__, "convention": dict(self.convention), "texts": texts}

    def __str__(self) -> str:
        rows: list[tuple[str, tuple[str, ...]]] = [
            ("model", (self.model,)),
            ("architecture", (self.architecture,)),
            ("head", self.head),
            ("token ids", self.token_ids),
            *((kind, (_in_line(tokens, n),)) for kind, (tokens, n) in self.texts.items()),
            ("template", self.template),
            ("precision", (self.precision,)),
            ("length", (self.length,)),
            ("packing", (self.layout,)),
        ]
        lines = chain.from_iterable(
            [f"{name if i == 0 else '':<{WIDTH}} {line}" for i, line in enumerate(parts)] for name, parts in rows
        )
        return "\n".join(lines)


def describe(model: RewardModel, name: str, prompt: Text = EXAMPLE[0], response: Text = EXAMPLE[1]) -> ModelDescription:
    """Return what rmlab understood of a model.

    Parameters
    ----------
    model
        The model.
    name
        What to call it.
    prompt, response
        An example to show as tokens. If both are plain texts, they are also shown as messages of user and assistant.
    """
    config, network = model.network.config.get_text_config(), model.network
    n_weights = sum(parameter.numel() for parameter in network.parameters())
    sizes = {"layers": "num_hidden_layers", "wide": "hidden_size"}
    size = ", ".join(f"{getattr(config, key)} {word}" for word, key in sizes.items() if getattr(config, key, None))
    precision = "bf16" if use_bf16("auto", model.device) else "float32"
    examples: dict[str, tuple[Text, Text]] = {"plain text": (prompt, response)}
    if isinstance(prompt, str) and isinstance(response, str):
        talk = [{"role": "user", "content": prompt}], [{"role": "assistant", "content": response}]
        examples["conversation"] = talk
    texts = {}
    for kind, example in examples.items():
        tokens, n_prompt = tokens_of(model, *example)
        texts[kind] = (tuple(tokens), n_prompt)
    n_positions = positions(network)
    held = "bfloat16" if model.holds_bf16 else "float32"
    return ModelDescription(
        model=str(name),
        architecture=f"{type(network).__name__}: {size}, {n_weights:,} weights{_aside(model)}",
        head=tuple(_head(model)),
        has_fresh_head=model.head_source.fresh,
        convention=model.convention.to_dict(),
        token_ids=tuple(_token_ids(model)),
        texts=texts,
        template=tuple(_template(model)),
        precision=f"weights in {held}; --precision auto computes in {precision} on this machine",
        max_length=model.max_length,
        length=f"{model.max_length:,} tokens at most"
        + (f"; the network has {n_positions:,} positions" if n_positions else ""),
        packing_fault=model.packing_fault,
        layout=model.layout(),
    )


def _aside(model: RewardModel) -> str:
    return f"; the text part of a multimodal network, not used: {', '.join(model.set_aside)}" if model.set_aside else ""


def _in_line(tokens: tuple[str, ...], n_prompt: int) -> str:
    """Return tokens in one line, with a double bar where the response begins."""
    shown = [token.replace("\n", "\\n") for token in tokens]
    return " ‖ ".join("|".join(part) for part in (shown[:n_prompt], shown[n_prompt:]))


def _head(model: RewardModel) -> list[str]:
    head = model.head_source
    lines = [head.source]
    if head.fresh:
        lines.append("its scores would mean nothing: train it first (rmlab score and rmlab evaluate refuse it)")
    if not model.pools_last_token:
        lines.append("read from the first token, by the network's own pooling")
    elif model.passed_over is None or model.passed_over != model.tokenizer.eos_token_id:
        lines.append("read from the last token")
    else:
        lines.append("read from the last token that is not EOS, since its pad token is EOS")
    if isinstance(getattr(model.network, "score", None), MLPHead):
        lines.append("transformers' own class has no place for a head of two layers: load it with rmlab")
    elif model.pools_last_token and model.head.bias is not None:
        bias = float(model.head.bias.detach())
        lines.append(f"its bias of {bias:+.3f} has no place in transformers' own class, whose scores lack it")
    if head.left_out:
        more = f" and {len(head.left_out) - 3:,} more" if len(head.left_out) > 3 else ""
        lines.append(f"not used: {', '.join(head.left_out[:3])}{more}")
    return lines


def _token_ids(model: RewardModel) -> list[str]:
    convention = model.convention
    lines = [str(convention)]
    if isinstance(convention, Joined) and convention.separator:
        ending = "a blank line" if convention.separator == BLANK_LINE else repr(convention.separator)
        lines.append(f"in TRL, plain prompts that end in {ending} have the same ids")
    return lines


def _template(model: RewardModel) -> list[str]:
    tokenizer = model.tokenizer
    if tokenizer.chat_template is None:
        return ["none: messages are written as Human: ... Assistant: ..., and tool calls are refused"]
    system = _refusal(tokenizer, [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}])
    tools = _refusal(tokenizer, [{"role": "user", "content": "u"}, CALL])
    lines = [f"its own; a system message is {system}, and a call of a tool without content is {tools}"]
    if model.has_pinned_date:
        lines.append(f"it asks for today's date, and is always given {TEMPLATE_DATE.isoformat()}: ids stay the same")
    return lines


def _refusal(tokenizer: Any, messages: list[Mapping[str, Any]]) -> str:
    try:
        by_template(tokenizer, messages)
    except ModelError:
        return "refused"
    return "written"
