"""The conventions by which a prompt with its response becomes token ids.

A model scores well only on ids of the kind that it was trained on, so each model has one convention, which its folder
records (`rmlab.json`) and ``rmlab doctor`` shows. There are three.

`Joined` is that of TRL's `RewardTrainer` (1.16), with the same ids:

- *A conversation* is written by the tokenizer's chat template from all its turns, those of the prompt followed by
  those of the response, without a generation prompt. No special token, such as BOS or EOS, is added to what the
  template writes.
- *A plain text* is the prompt directly followed by the response, and by the text of the EOS token unless the response
  ends in it. The whole is tokenised together with the special tokens that the tokenizer adds by itself, such as BOS.
- TRL leaves out pairs above its ``max_length``. Here they are cut, as `RewardModel.encode` says.

Its `GRPOTrainer` writes conversations in the same way. It gives a reward model a plain text without BOS and EOS.

Where prompt and response are tokenised together, a token may reach across their border; it counts as the response's.

`Apart` is how rmlab wrote a decoder's ids before its folders recorded a convention, and `TwoSegments` how it writes an
encoder's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from rmlab.model.backbones import LoadedNetwork
from rmlab.model.model_error import ModelError
from rmlab.model.model_folder import read_record
from rmlab.model.rendering import Text, in_turns, with_each
from rmlab.model.special_tokens import SpecialTokens
from rmlab.model.word_tokenization import token_ids

__all__ = ["BLANK_LINE", "TRL", "Apart", "Convention", "Joined", "Pieces", "Rendered", "TwoSegments", "convention_of"]

BLANK_LINE = "\n\n"


class Rendered(NamedTuple):
    """A prompt with its response, as texts that are still to be tokenised."""

    prompt: str
    """The part that depends on the prompt alone, and so is the same for all of its responses."""
    response: str
    end: str = ""
    """What is added to the response to mark its end."""
    special: bool = True
    """Whether the tokenizer adds special tokens of its own."""


class Pieces(NamedTuple):
    """The token ids of one text, in the order in which they are read. Only `prompt` and `response` may be cut."""

    front: list[int]
    prompt: list[int]
    middle: list[int]
    response: list[int]
    end: list[int]


@dataclass(frozen=True)
class Joined:
    """Prompt and response tokenised together, as TRL does; see the module.

    Parameters
    ----------
    separator
        The text between a plain prompt and a plain response: empty for a model that TRL trained, a blank line for a
        decoder that rmlab trains. In TRL, prompts that end in it have the same ids.
    ends
        Whether the text of the EOS token is put after a plain response, as TRL's `RewardTrainer` does. Otherwise a
        text ends as the tokenizer ends it.
    """

    separator: str = ""
    ends: bool = True
    name: ClassVar[str] = "joined"

    def __str__(self) -> str:
        between = f", with {self.separator!r} at the end of a plain prompt" if self.separator else ""
        return f"joined as TRL does{between}{'' if self.ends else ', without EOS after a plain response'}"

    def to_dict(self) -> dict[str, Any]:
        """Return the record for the model's folder."""
        record = {"convention": self.name, "separator": self.separator}
        return record if self.ends else {**record, "ends": False}

    def render(self, tokenizer: Any, prompt: Text, responses: Sequence[Text]) -> list[Rendered]:
        """Return a prompt with each of its responses as text."""
        plain = _all_plain(prompt, responses)
        if plain is not None:
            parts, special = [(f"{prompt}{self.separator}", response) for response in plain], True
        else:
            parts, special = with_each(tokenizer, *in_turns(prompt, responses)), tokenizer.chat_template is None
        eos = tokenizer.eos_token if special and self.ends else ""
        return [Rendered(head, tail, "" if tail.endswith(eos) else eos, special) for head, tail in parts]

    def tokenize(self, tokenizer: Any, special: SpecialTokens, rendered: Sequence[Rendered]) -> list[Pieces]:
        """Return the token ids of each text."""
        heads = _each_once(tokenizer, [one.prompt for one in rendered])
        wholes = [
            _each_once(tokenizer, ["".join(one[:3]) for one in rendered if one.special is added], special=added)
            for added in (False, True)
        ]
        bos = [tokenizer.bos_token_id]
        pieces = []
        for one in rendered:
            whole, head = wholes[one.special]["".join(one[:3])], heads[one.prompt]
            front = whole[:1] if whole[:1] == bos else []
            whole, head = whole[len(front) :], head[len(front) if head[:1] == bos else 0 :]
            n_prompt = _common_beginning(head, whole)
            pieces.append(Pieces(front, whole[:n_prompt], [], whole[n_prompt:], []))
        return pieces

    def spans(self, tokenizer: Any, special: SpecialTokens, rendered: Rendered, n: int) -> list[tuple[int, int]]:
        """Return the span in the response of each of the last `n` tokens; it is empty for a token outside it."""
        start, size = len(rendered.prompt), len(rendered.response)
        places = _places(tokenizer, "".join(rendered[:3]), special=rendered.special)[-n:] if n else []
        return [(min(max(0, a - start), size), min(max(0, b - start), size)) for a, b in places]


@dataclass(frozen=True)
class _Segments:
    """Prompt and response tokenised separately, between special tokens; a shared prompt always has the same ids."""

    name: ClassVar[str]
    separator: ClassVar[str]
    """What a plain response begins with, so that its words do not join those of the prompt."""

    def to_dict(self) -> dict[str, str]:
        """Return the record for the model's folder."""
        return {"convention": self.name}

    def render(self, tokenizer: Any, prompt: Text, responses: Sequence[Text]) -> list[Rendered]:
        """Return a prompt with each of its responses as text."""
        plain = _all_plain(prompt, responses)
        if plain is not None:
            return [Rendered(str(prompt), f"{self.separator}{response}") for response in plain]
        parts = with_each(tokenizer, *in_turns(prompt, responses))
        if tokenizer.chat_template is not None:
            parts = [(head, _stripped_after(tokenizer.eos_token, tail)) for head, tail in parts]
        return [Rendered(head, tail) for head, tail in parts]

    def tokenize(self, tokenizer: Any, special: SpecialTokens, rendered: Sequence[Rendered]) -> list[Pieces]:
        """Return the token ids of each text."""
        ids = _each_once(tokenizer, [text for one in rendered for text in one[:2]])
        pieces = []
        for one in rendered:
            prompt, response = ids[one.prompt], ids[one.response]
            # a chat template may have begun with BOS and ended with EOS; here they are added once, after the cut
            if prompt[: len(special.before)] == special.before:
                prompt = prompt[len(special.before) :]
            elif not prompt and response[: len(special.before)] == special.before:
                response = response[len(special.before) :]
            if self.separator and response[-1:] == special.after:
                response = response[:-1]
            pieces.append(Pieces(special.before, prompt, special.between, response, special.after))
        return pieces

    def spans(self, tokenizer: Any, special: SpecialTokens, rendered: Rendered, n: int) -> list[tuple[int, int]]:
        """Return the span in the response of each of the last `n` tokens; it is empty for a token outside it."""
        text = rendered.response
        places = _places(tokenizer, text, special=False)
        if (
            self.separator
            and tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"][-1:] == special.after
        ):
            places.pop()  # as above: EOS is added once
        places += [(0, 0)] * len(special.after)
        return places[len(places) - n :]


class Apart(_Segments):
    """Prompt and response tokenised separately: ``[BOS] prompt response EOS``, the response after a blank line."""

    name = "apart"
    separator = BLANK_LINE

    def __str__(self) -> str:
        return "prompt and response tokenised apart, as rmlab did before it recorded conventions"


class TwoSegments(_Segments):
    """The form of an encoder: ``CLS prompt SEP response SEP``, or as its tokenizer joins two texts."""

    name = "two segments"
    separator = ""

    def __str__(self) -> str:
        return "two segments, as the tokenizer joins two texts"


Convention = Joined | Apart | TwoSegments

TRL = Joined()
"""The convention of a decoder that others trained, whose folder records none."""


def _recorded(record: Mapping[str, Any]) -> Convention:
    """Return the convention that `to_dict` recorded; raise ModelError if there is none of that name."""
    name, separator, ends = record.get("convention"), record.get("separator", ""), record.get("ends", True)
    if name == Joined.name and isinstance(separator, str) and isinstance(ends, bool):
        return Joined(separator, ends)
    for kind in (Apart, TwoSegments):
        if name == kind.name:
            return kind()
    raise ModelError(
        f"rmlab.json records token ids of the convention {name!r}, which this version does not know "
        "(joined, apart, two segments). Install the version of rmlab that saved the model, or a later one."
    )


def convention_of(loaded: LoadedNetwork, *, revision: str | None = None) -> Convention:
    """Return the convention of a loaded model: the one that its folder records, or that of the maker of its head.

    A head that others trained is assumed to have read TRL's ids; a fresh one will be trained by rmlab. A folder that
    rmlab saved before it recorded conventions has `Apart`.
    """
    record = None if loaded.source is None else read_record(loaded.source, revision=revision)
    if record is None:
        return Joined(BLANK_LINE) if loaded.head.fresh else TRL
    return _recorded(record) if record else Apart()


def _all_plain(prompt: Text, responses: Sequence[Text]) -> list[str] | None:
    """Return the responses if they and the prompt are plain texts, else None."""
    plain = [response for response in responses if isinstance(response, str)]
    return plain if isinstance(prompt, str) and len(plain) == len(responses) else None


def _stripped_after(end: str | None, text: str) -> str:
    stripped = text.rstrip()
    return stripped if end and stripped.endswith(end) else text


def _common_beginning(head: list[int], whole: list[int]) -> int:
    """Count the ids with which both begin."""
    if whole[: len(head)] == head:
        return len(head)
    return next(i for i, token in enumerate(head) if whole[i : i + 1] != [token])


def _each_once(tokenizer: Any, texts: Sequence[str], *, special: bool = False) -> dict[str, list[int]]:
    """Tokenise each distinct text once; return the ids of each."""
    distinct = list(dict.fromkeys(texts))
    if not distinct:
        return {}
    fast = getattr(tokenizer, "backend_tokenizer", None)
    if fast is None:
        options = {"truncation": False, "padding": False, "verbose": False, "return_attention_mask": False}
        return dict(zip(distinct, tokenizer(distinct, add_special_tokens=special, **options)["input_ids"], strict=True))
    fast.no_truncation()
    fast.no_padding()
    return dict(zip(distinct, token_ids(fast, distinct, special=special), strict=True))


def _places(tokenizer: Any, text: str, *, special: bool) -> list[tuple[int, int]]:
    """Return the place of each token in a text."""
    if not tokenizer.is_fast:
        raise ModelError("this tokenizer does not give the places of its tokens in a text; use a fast one")
    options = {"add_special_tokens": special, "truncation": False, "verbose": False}
    return list(tokenizer(text, return_offsets_mapping=True, **options)["offset_mapping"])
