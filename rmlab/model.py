"""RewardModel: a pretrained backbone and one scalar head, ``RM(x, y)``.

It is what transformers calls a sequence-classification model with one label, together with its tokenizer. A saved
folder therefore loads in `AutoModelForSequenceClassification` and gives the same scores there on the same ids.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from safetensors import SafetensorError
from torch import nn
from tqdm.auto import tqdm

from rmlab.backbones import MANIFEST, ModelError, load_network, quiet_transformers, sha256
from rmlab.data import PreferencePair
from rmlab.packing import length_sorted_batches, pad

__all__ = [
    "Encoded",
    "EncodedPairs",
    "ModelError",
    "Precision",
    "RewardModel",
    "autocast",
    "check_destination",
    "use_bf16",
]

Message = Mapping[str, str]
Text = str | Sequence[Message]
Precision = Literal["auto", "fp32", "bf16"]

DEFAULT_MAX_LENGTH = 1024
PAD_TOKEN = "<|pad|>"


@dataclass(frozen=True)
class Encoded(Sequence[list[int]]):
    """Token ids of n prompts with their responses, and what truncation took.

    ``encoded[i]`` is the list of ids of text i: prompt, response and the special tokens, unpadded.
    """

    input_ids: tuple[list[int], ...] = field(repr=False)
    prompt_lengths: np.ndarray
    """Tokens before the response, shape ``(n,)``; the same prompt gives the same ids there unless it was cut."""
    prompt_tokens_cut: np.ndarray
    response_tokens_cut: np.ndarray

    def __len__(self) -> int:
        return len(self.input_ids)

    def __getitem__(self, index: Any) -> Any:
        return self.input_ids[index]

    def take(self, indices: Sequence[int] | np.ndarray) -> Encoded:
        """Give these texts, in this order."""
        indices = np.asarray(indices, dtype=np.int64)
        counts = (self.prompt_lengths, self.prompt_tokens_cut, self.response_tokens_cut)
        return Encoded(tuple(self.input_ids[i] for i in indices), *(count[indices] for count in counts))


@dataclass(frozen=True)
class EncodedPairs:
    """Token ids of the chosen and the rejected text of n pairs."""

    chosen: Encoded
    rejected: Encoded

    def take(self, indices: Sequence[int] | np.ndarray) -> EncodedPairs:
        """Give these pairs, in this order."""
        return EncodedPairs(*(side.take(indices) for side in (self.chosen, self.rejected)))

    @property
    def equal(self) -> np.ndarray:
        """Pairs whose two texts are the same ids, so that no model can tell them apart; bool, shape ``(n_pairs,)``."""
        return np.array([a == b for a, b in zip(self.chosen, self.rejected, strict=True)], dtype=bool)

    @property
    def response_lengths(self) -> np.ndarray:
        """Tokens of the chosen and the rejected response, the end included; shape ``(n_pairs, 2)``."""
        sides = (self.chosen, self.rejected)
        return np.stack([[len(ids) for ids in side] - side.prompt_lengths for side in sides], axis=1)

    @property
    def truncation(self) -> dict[str, int]:
        """How many pairs lost tokens, by where they were lost, and how many that made equal."""
        sides = (self.chosen, self.rejected)
        response_cut = np.any([side.response_tokens_cut > 0 for side in sides], axis=0)
        return {
            "pairs with a cut prompt": int(np.any([side.prompt_tokens_cut > 0 for side in sides], axis=0).sum()),
            "pairs with a cut response": int(response_cut.sum()),
            "pairs made equal by cutting": int((self.equal & response_cut).sum()),
        }


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
        _ensure_pad_token(self.network, tokenizer)
        _keep_head_in_float32(self.network)
        self.network.config.use_cache = False  # of keys and values, which only generation reads again
        # Scores are made without token types; a pipeline that is given a text and its pair would else add them. Only
        # what stands in init_kwargs is saved.
        tokenizer.model_input_names = tokenizer.init_kwargs["model_input_names"] = ["input_ids", "attention_mask"]
        self._before, self._between, self._after = self._special_tokens()

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

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Score padded token ids.

        Parameters
        ----------
        input_ids, attention_mask
            Shape ``(batch, length)``, padded on either side; the mask is 1 on real tokens.

        Returns
        -------
        Scores, float32 of shape ``(batch,)``.
        """
        order = attention_mask.argsort(dim=1, descending=True, stable=True)  # padding goes to the right
        input_ids, attention_mask = input_ids.gather(1, order), attention_mask.gather(1, order)  # (batch, length)
        if not self.pools_last_token:
            return self.network(input_ids=input_ids, attention_mask=attention_mask).logits[:, 0]
        hidden = self.network.base_model(input_ids=input_ids, attention_mask=attention_mask, use_cache=False)[0]
        # found from the mask, never from the pad id: with pad = EOS that would be the token before EOS
        last = attention_mask.sum(1) - 1
        pooled = hidden[torch.arange(len(hidden), device=hidden.device), last]  # (batch, width)
        return self.network.score(pooled)[:, 0]

    def score_ids(
        self,
        input_ids: Sequence[Sequence[int]],
        *,
        batch_tokens: int | None = None,
        forward: Callable[..., torch.Tensor] | None = None,
    ) -> torch.Tensor:
        """Score unpadded token ids, as `encode` gives them, with gradients if they are on; float32, shape ``(n,)``.

        Training and scoring both go through here: it is the one place that lays sequences out in batches.

        Parameters
        ----------
        input_ids
            n sequences of token ids.
        batch_tokens
            Bound on the tokens of a batch, padding included; by default 1,024 on a CPU, else 32,768.
        forward
            What to call in place of the model itself: its wrapper in distributed training.
        """
        if not input_ids:
            return torch.zeros(0, device=self.device)
        forward = forward or self
        if batch_tokens is None:
            # on a CPU the activations of a batch then stay in its cache: a step of training takes a quarter less time
            batch_tokens = 1024 if self.device.type == "cpu" else 32_768
        batches = length_sorted_batches([len(ids) for ids in input_ids], batch_tokens=batch_tokens)
        scores = []
        for batch in batches:
            texts = [input_ids[i] for i in batch]
            # on a CPU the libraries below compile a kernel for each shape, and keep it
            padded = pad(texts, pad_id=self.tokenizer.pad_token_id, multiple_of=8, at_most=self.max_length)
            scores.append(forward(*(torch.from_numpy(array).to(self.device) for array in padded)))
        place = torch.from_numpy(np.argsort(np.concatenate(batches))).to(self.device)
        return torch.cat(scores)[place].float()

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
        for name, texts in (("prompts", prompts), ("responses", responses)):
            if isinstance(texts, str):
                raise TypeError(f"{name} must be a sequence of texts, got one str; put it in a list")
        if len(prompts) != len(responses):
            raise ValueError(f"expected one response for each prompt, got {len(prompts)} and {len(responses)}")
        rendered = [self._render(p, r) for p, r in zip(prompts, responses, strict=True)]
        texts = {text: i for i, text in enumerate(dict.fromkeys(text for pair in rendered for text in pair))}
        ids = self._tokenize(list(texts))
        room = max_length - len(self._before) - len(self._between) - len(self._after)
        sequences, prompt_lengths, cuts = [], [], []
        for prompt_text, response_text in rendered:
            prompt, response = ids[texts[prompt_text]], ids[texts[response_text]]
            # a chat template may have begun with BOS and ended with EOS; here they are added once, after the cut
            if prompt[: len(self._before)] == self._before:
                prompt = prompt[len(self._before) :]
            elif not prompt and response[: len(self._before)] == self._before:
                response = response[len(self._before) :]
            if self.pools_last_token and response[-1:] == self._after:
                response = response[:-1]
            kept_response = response[max(0, len(response) - room) :]
            kept_prompt = prompt[max(0, len(prompt) - (room - len(kept_response))) :]
            head = [*self._before, *kept_prompt, *self._between]
            sequences.append([*head, *kept_response, *self._after])
            prompt_lengths.append(len(head))
            cuts.append((len(prompt) - len(kept_prompt), len(response) - len(kept_response)))
        cut = np.array(cuts, dtype=np.int64).reshape(-1, 2)
        return Encoded(tuple(sequences), np.array(prompt_lengths, dtype=np.int64), cut[:, 0], cut[:, 1])

    def encode_pairs(self, pairs: Sequence[PreferencePair], *, max_length: int | None = None) -> EncodedPairs:
        """Encode the chosen and the rejected text of each pair."""
        pairs = list(pairs)
        prompts = [pair.prompt for pair in pairs]
        responses = [pair.chosen for pair in pairs] + [pair.rejected for pair in pairs]
        both = self.encode(prompts * 2, responses, max_length=max_length)
        places = np.arange(2 * len(pairs)).reshape(2, -1)
        return EncodedPairs(both.take(places[0]), both.take(places[1]))

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
            ``"fp32"``, ``"bf16"``, or ``"auto"``: bf16 where the machine has it, several times faster, with scores
            that differ in the third decimal.
        batch_tokens
            Tokens in a batch, padding included; it changes memory and speed, not scores (to 1e-5 in fp32).
        progress
            Show a bar.

        Returns
        -------
        Scores in nats, float32 of shape ``(n,)``.
        """
        return self._score_encoded(self.encode(prompts, responses).input_ids, precision, batch_tokens, progress)

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
        ids = encoded.chosen.input_ids + encoded.rejected.input_ids
        chosen, rejected = self._score_encoded(ids, precision, batch_tokens, progress).reshape(2, -1)
        return chosen - rejected

    def _score_encoded(
        self, input_ids: Sequence[list[int]], precision: Precision, batch_tokens: int | None, progress: bool
    ) -> np.ndarray:
        place: dict[tuple[int, ...], int] = {}  # equal texts are scored once, so that their difference is exactly zero
        index = [place.setdefault(tuple(ids), len(place)) for ids in input_ids]
        distinct = list(place)
        # batches of one call keep their lengths close; a bar moves once for each
        chunks = [distinct[i : i + 2048] for i in range(0, len(distinct), 2048)]
        scores = [np.zeros(0, dtype=np.float32)]
        with (
            self.evaluating(),
            torch.inference_mode(),
            autocast(self.device, use_bf16(precision, self.device)),
            tqdm(total=len(distinct), desc="scoring", unit="text", disable=not progress) as bar,
        ):
            for chunk in chunks:
                scores.append(self.score_ids(chunk, batch_tokens=batch_tokens).cpu().numpy())
                bar.update(len(chunk))
        return np.concatenate(scores)[index]

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
            self._write(folder)
        except (OSError, SafetensorError) as error:
            raise ModelError(
                f"the model could not be saved to {folder}: {error}. Make room or choose another folder; "
                "an older model there is as it was."
            ) from error
        return folder

    def _write(self, folder: Path) -> None:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as scratch:
            new, old = Path(scratch) / "new", Path(scratch) / "old"
            with quiet_transformers():
                self.network.save_pretrained(new)
            self.tokenizer.padding_side = "right"
            self.tokenizer.model_max_length = self.max_length
            self.tokenizer.save_pretrained(new)
            hashes = {path.name: sha256(path) for path in sorted(new.glob("*.safetensors"))}
            (new / MANIFEST).write_text(json.dumps({"sha256": hashes}, indent=2) + "\n", encoding="utf-8")
            if folder.exists():
                folder.rename(old)
            try:
                new.rename(folder)
            except BaseException:
                if old.exists():
                    old.rename(folder)
                raise

    @contextlib.contextmanager
    def evaluating(self) -> Iterator[None]:
        """Hold the model in evaluation mode, and put back the mode that it had."""
        training = self.training
        self.eval()
        try:
            yield
        finally:
            self.train(training)

    def _special_tokens(self) -> tuple[list[int], list[int], list[int]]:
        """Give the special tokens before the prompt, between prompt and response, and after the response."""
        if self.pools_last_token:
            if self.tokenizer.eos_token_id is None:
                raise ModelError("the tokenizer of this decoder has no EOS token, on which the score is pooled")
            bos = [self.tokenizer.bos_token_id]
            adds_bos = self.tokenizer("a")["input_ids"][:1] == bos
            return bos if adds_bos else [], [], [self.tokenizer.eos_token_id]
        joined = self.tokenizer("a", "a", return_special_tokens_mask=True)
        parts: list[list[int]] = [[]]
        was_text = False
        for token, special in zip(joined["input_ids"], joined["special_tokens_mask"], strict=True):
            if special:
                if was_text:
                    parts.append([])
                parts[-1].append(token)
            was_text = not special
        if len(parts) != 3:
            raise ModelError(
                "the tokenizer of this encoder does not mark where a text ends; it must write two texts as "
                "[CLS] first [SEP] second [SEP] or the like"
            )
        return parts[0], parts[1], parts[2]

    def _tokenize(self, texts: list[str]) -> list[list[int]]:
        if not texts:
            return []
        options = {"add_special_tokens": False, "truncation": False, "padding": False, "verbose": False}
        return self.tokenizer(texts, return_attention_mask=False, **options)["input_ids"]

    def _render(self, prompt: Text, response: Text) -> tuple[str, str]:
        """Write prompt and response as two texts, the first of which depends on the prompt alone."""
        if isinstance(prompt, str) and isinstance(response, str):
            return prompt, self._separate(response)
        prompt, response = _messages(prompt, "user"), _messages(response, "assistant")
        if self.tokenizer.chat_template is None:
            return _render_plainly(prompt, response)
        whole = self.tokenizer.apply_chat_template([*prompt, *response], tokenize=False)
        stripped = whole.rstrip()
        if self.tokenizer.eos_token and stripped.endswith(self.tokenizer.eos_token):
            whole = stripped
        for add_generation_prompt in (True, False) if prompt else ():
            head = self.tokenizer.apply_chat_template(
                prompt, tokenize=False, add_generation_prompt=add_generation_prompt
            )
            if whole.startswith(head):
                return head, whole[len(head) :]
        return "", whole

    def _separate(self, response: str) -> str:
        """Keep a decoder from gluing the response to the last word of the prompt; an encoder has SEP between them."""
        return f"\n\n{response}" if self.pools_last_token else response


def _messages(text: Text, role: str) -> list[dict[str, str]]:
    """Give a text as one message of this role, and messages as dicts that a chat template can read."""
    if isinstance(text, str):
        return [{"role": role, "content": text}]
    is_list = isinstance(text, Sequence | np.ndarray)
    if not is_list or not all(isinstance(m, Mapping) and {"role", "content"} <= m.keys() for m in text):
        raise TypeError(f"expected a text or a list of {{'role': ..., 'content': ...}} messages, got {text!r:.80}")
    return [dict(message) for message in text]


def _render_plainly(prompt: Sequence[Message], response: Sequence[Message]) -> tuple[str, str]:
    labels = {"user": "Human", "assistant": "Assistant", "system": "System"}

    def turn(message: Message) -> tuple[str, str]:
        return f"\n\n{labels.get(message['role'], message['role'].capitalize())}:", f" {message['content']}"

    head = "".join("".join(turn(message)) for message in prompt)
    tail = "".join("".join(turn(message)) for message in response)
    if response and response[0]["role"] == "assistant":  # the label stands with the prompt, which both sides share
        label = turn(response[0])[0]
        head, tail = head + label, tail[len(label) :]
    return head.lstrip("\n"), tail


def check_destination(folder: str | Path) -> Path:
    """Refuse, with a ModelError, a folder that holds anything but a model that `RewardModel.save_pretrained` wrote."""
    folder = Path(folder)
    is_empty = folder.is_dir() and not any(folder.iterdir())
    if folder.exists() and not is_empty and not (folder / MANIFEST).is_file():
        raise ModelError(
            f"{folder} exists and is not a model that rmlab saved; choose another folder, so that nothing is lost"
        )
    return folder


def use_bf16(precision: Precision, device: torch.device) -> bool:
    """Say whether to compute in bfloat16; ``"auto"`` is yes where the machine multiplies it natively."""
    if precision not in ("auto", "fp32", "bf16"):
        raise ValueError(f"precision must be 'auto', 'fp32' or 'bf16', got {precision!r}")
    if precision != "auto":
        return precision == "bf16"
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return device.type == "cpu" and torch.cpu._is_avx512_bf16_supported()


def autocast(device: torch.device, enabled: bool) -> torch.autocast:
    """Compute matrix products in bfloat16 where `enabled`; weights stay float32."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=enabled)


class _Float32Linear(nn.Linear):
    """A head that computes in float32 also under autocast: bf16 scores have 8 bits, and would tie by accident."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        with torch.autocast(input.device.type, enabled=False):
            bias = None if self.bias is None else self.bias.float()
            return nn.functional.linear(input.float(), self.weight.float(), bias)


def _keep_head_in_float32(network: Any) -> None:
    inside = set(network.base_model.modules())
    heads = [m for m in network.modules() if m not in inside and isinstance(m, nn.Linear) and m.out_features == 1]
    if len(heads) != 1:
        raise ModelError(f"expected a head with one output, found {len(heads)} in {type(network).__name__}")
    heads[0].__class__ = _Float32Linear  # same parameters under the same names: saving and loading do not see it


def _ensure_pad_token(network: Any, tokenizer: Any) -> None:
    """Give the tokenizer a pad token that is not EOS: transformers pools the last token that is not the pad id."""
    if tokenizer.pad_token_id is None or tokenizer.pad_token_id == tokenizer.eos_token_id:
        tokenizer.add_special_tokens({"pad_token": PAD_TOKEN})
    rows = network.get_input_embeddings().num_embeddings
    if len(tokenizer) > rows:
        network.resize_token_embeddings(len(tokenizer), mean_resizing=False)
        network.get_input_embeddings().weight.data[rows:] = 0  # not read behind the mask
    network.config.pad_token_id = tokenizer.pad_token_id
    network.config.problem_type = "regression"  # else the text-classification pipeline applies a sigmoid
    tokenizer.padding_side = "right"
