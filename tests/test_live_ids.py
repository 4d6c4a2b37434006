"""Token ids in the browser are those of Python: of 10,000 texts, and of conversations."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from chat_templates import CHATML, EOS_INSIDE
from live_in_node import as_items, in_a_browser, run_in_node
from transformers import AutoTokenizer

import rmlab.model
from rmlab.data import PreferencePair
from rmlab.datasets import load_everyday
from rmlab.model import Apart, Joined, RewardModel
from rmlab.simulate.replies import simulate_reply_pairs

TINY_TOKENIZER = Path(rmlab.model.__file__).parent / "tiny_tokenizer"
IDS = """
import { openIds } from "./live/ids.js";
give(given.map(({ manifest, tokenizer, items }) => {
  const ids = openIds(manifest, tokenizer);
  return items.map((item) => ids.encode(item)).map((one) => [one.ids, one.promptCut, one.responseCut]);
}));
"""
TOKENS = """
import { openIds } from "./live/ids.js";
give(given.map(({ manifest, tokenizer, items }) => {
  const ids = openIds(manifest, tokenizer);
  return items.map((item) => ids.tokens(item));
}));
"""
CODE = "def f(x: int) -> int:\n\treturn x ** 2  # \u00b2\n\n\n    if (a != b) { c[i]++; }\r\n<div class='a'>&amp;</div>"
ODD = [
    "",
    " ",
    "\n\n\n",
    "\x00",
    "a\x00b\x1c\x85c\u200b\ufeffd\ufffde",
    "\ud83d",  # half an emoji
    "a\udc00b",
    "👩🏽\u200d🚀🏳️\u200d🌈 1️⃣",
    "שלום עולם! مرحبا بالعالم؟ \u202eright to left\u202c",
    "ΟΔΥΣΣΕΥΣ Σ ΣΑΣ",
    "İstanbul ISPARTA ǅ ﬁ ß ẞ",
    "e\u0301 é \u1e9b\u0323 \u0344 각 \uac00",
    "𠀀漢字かな交じり文。日本語",
    "[SEP] [CLS] [MASK] <|eos|> <|cls|>a<|sep|> [unk]",
    "x" * 150,
    "don't can't I'll 'S ''s",
    CODE,
    CODE * 300,
    "word " * 700,
    "．，！？「」—–…‘’“”·¿¡ॐ।॥",
    "a\u00a0b\u2003c\u3000d\u2028e",
    "ᠠ᠋\u180e\u0600\U000110cd\U0001e000\u2e52",
]
KINDS = (
    "abcXYZ ,.'!?-0129",
    "éüßÅøñçŁ ",
    "шжЖ αΣσς ",
    "אבג دרש ",
    "漢字かなカ ",
    "😀👍🏽\u200d️❤ ",
    "\t\n\r  \u00a0",
    "(){}[]<>=;#_/\\|~`^",
)
LONG = "".join(f"{i}: It was a dark night; the rain fell — in torrents, 😀 {i * 7919 % 1000}. " for i in range(1650))


def well_formed(text: str) -> str:
    """Return a text in which half a surrogate pair is replaced, as in the browser."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


@cache
def many_texts(n: int) -> tuple[tuple[str, str], ...]:
    """Return n prompts with responses: of people, of the world of replies, odd ones, and drawn from many scripts."""
    draw = random.Random(0)
    pairs = [*load_everyday(), *simulate_reply_pairs(2000, seed=1).pairs]
    texts = [(str(pair.prompt), str(side)) for pair in pairs for side in (pair.chosen, pair.rejected)]
    texts += [(a, b) for a in ODD for b in ODD]
    texts += [("A long text.", LONG), (LONG[:2000], LONG[:300])]

    def drawn(longest: int) -> str:
        kinds = draw.choices(KINDS, k=draw.randrange(1, 4))
        letters = "".join(kinds) + chr(draw.choice((draw.randrange(32, 0xD800), draw.randrange(0xE000, 0x32000))))
        return "".join(draw.choices(letters, k=draw.randrange(longest)))

    texts += [(drawn(20), drawn(60)) for _ in range(n - len(texts))]
    assert len(LONG) > 100_000
    return tuple(texts[:n])


def expected(model: RewardModel, items: Sequence[tuple[Any, Any]]) -> list[list[Any]]:
    found = model.encode([one for one, _ in items], [one for _, one in items])
    return [list(row) for row in zip(found, found.prompt_tokens_cut, found.response_tokens_cut, strict=True)]


@pytest.fixture
def same_ids(tmp_path: Path) -> Callable[[RewardModel, Sequence[tuple[Any, Any]]], None]:
    def compare(model: RewardModel, items: Sequence[tuple[Any, Any]]) -> None:
        (found,) = run_in_node(IDS, [{**in_a_browser(model), "items": as_items(items)}], tmp_path)
        plain = [tuple(well_formed(text) if isinstance(text, str) else text for text in item) for item in items]
        wanted = json.loads(json.dumps(expected(model, plain), default=int))
        wrong = [item for item, a, b in zip(items, found, wanted, strict=True) if a != b]
        assert not wrong, f"{len(wrong)} of {len(items)}: {wrong[:3]!r:.600}"

    return compare


@pytest.mark.slow
@pytest.mark.parametrize("name", ["minilm", "tiny-decoder"])
def test_ten_thousand_texts_have_the_ids_of_python(same_ids: Callable, name: str):
    same_ids(RewardModel.from_pretrained(name, device="cpu"), many_texts(10_000))


@pytest.mark.parametrize("convention", [Apart(), Joined(), Joined("\n"), Joined("\n", ends=False)])
@pytest.mark.parametrize("max_length", [12, 512])
def test_other_conventions_and_a_shorter_limit(same_ids: Callable, convention: Any, max_length: int):
    model = RewardModel.from_pretrained("tiny-decoder", device="cpu", max_length=max_length)
    model.encoder.convention = convention
    same_ids(model, many_texts(10_000)[::37])


WITH_BOS = (
    "{{ bos_token }}\n{%- for m in messages %}\n    {%- if loop.first and m['role'] != 'system' %}<|sep|>{% endif %}"
    "\n<|sep|>{{ 'model' if m.role == 'assistant' else m.role | upper }}\n{{ m.content | trim }}<|sep|>\n{% endfor %}\n"
    "{% if add_generation_prompt %}<|sep|>model\n{% endif %}"
)


WITH_NAMES = (
    "{% for m in messages %}{{ cls_token }}{{ m.role }}{{ sep_token }}{{ m.content }}{{ turn_token }}"
    "{% generation %}{{ eos_token }}{% endgeneration %}{{ image_token }}{% endfor %}"
    "{% if bos_token is defined %}{{ bos_token }}{% endif %}{{ mask_token }}{{ unk_token }}{{ pad_token }}"
)


@pytest.mark.parametrize("convention", [Joined(), Joined(ends=False), Apart()])
@pytest.mark.parametrize("template", [CHATML, EOS_INSIDE, WITH_BOS, WITH_NAMES, None])
def test_conversations_are_written_by_the_template(
    same_ids: Callable, tmp_path: Path, template: str | None, convention: Any
):
    model = RewardModel.from_pretrained("tiny-decoder", device="cpu")
    model.tokenizer.chat_template = template
    if template == WITH_BOS:
        model.tokenizer.bos_token = "<|cls|>"
    if template == WITH_NAMES:  # a name of this tokenizer's own, one that is not set, and one that nobody knows
        named = AutoTokenizer.from_pretrained(TINY_TOKENIZER, extra_special_tokens={"turn_token": "<|sep|>"})
        named.backend_tokenizer.post_processor = model.tokenizer.backend_tokenizer.post_processor
        named.chat_template = template
        model.tokenizer = model.encoder.tokenizer = named
        assert (named.turn_token, named.mask_token) == ("<|sep|>", None)
    model.encoder.convention = convention
    before = [{"role": "user", "content": " Hello there \n"}, {"role": "assistant", "content": "Hello. "}]
    items = []
    for i, (prompt, response) in enumerate(many_texts(10_000)[:8000:101]):
        prompt, response = map(well_formed, (prompt, response))
        asked = [*(before if i % 2 else []), {"role": "user", "content": prompt}]
        answered = [{"role": "assistant", "content": response}] * (1 + (i % 5 == 0))
        items += [(asked, answered), (prompt, answered), (asked, response), (asked, [{"role": "user", "content": "x"}])]
    same_ids(model, items)


def test_a_folder_that_ends_its_texts_without_eos_has_its_ids_in_onnx_and_in_the_browser(
    same_ids: Callable, tmp_path: Path
):
    made = RewardModel.from_pretrained("tiny-decoder", device="cpu", max_length=200)
    made.encoder.convention = Joined("\n", ends=False)
    made.save_pretrained(tmp_path / "model")
    model = RewardModel.from_pretrained(tmp_path / "model", device="cpu")
    assert model.convention == Joined("\n", ends=False)
    items = [item for item in many_texts(10_000)[::211] if item[1].strip()]
    eos = model.tokenizer.eos_token_id
    assert not any(ids[-1] == eos for ids in model.encode(*map(list, zip(*items, strict=True))))
    same_ids(model, items)
    exported = model.export_onnx(tmp_path / "onnx", [PreferencePair(*item, "No.") for item in items[:20]])
    assert exported.float32.largest_error < 1e-4
    manifest = json.loads((exported.folder / "rmlab_onnx.json").read_text(encoding="utf-8"))
    assert manifest["ids"]["ends"] is False


@pytest.mark.parametrize(
    ("name", "convention"), [("minilm", None), ("tiny-decoder", Joined("\n\n")), ("tiny-decoder", Apart())]
)
def test_tokens_are_where_python_finds_them(tmp_path: Path, name: str, convention: Any):
    model = RewardModel.from_pretrained(name, device="cpu", max_length=200)
    if convention:
        model.encoder.convention = convention
    items = [(a, well_formed(b)) for a, b in many_texts(10_000)[::53] if len(b) < 3000]
    (found,) = run_in_node(TOKENS, [{**in_a_browser(model), "items": as_items(items)}], tmp_path)
    encoded = model.encode([well_formed(a) for a, _ in items], [b for _, b in items])
    wrong = []
    for i, (item, one) in enumerate(zip(items, found, strict=True)):
        n_kept = len(encoded[i]) - int(encoded.prompt_lengths[i])
        text, places = model.encoder.locate(well_formed(item[0]), item[1], n_kept)
        wanted = [[text[a:b]] if b > a else None for a, b in places]
        units = one["text"].encode("utf-16-le")
        got = [s and [units[2 * s[0] : 2 * s[1]].decode("utf-16-le")] for s in one["spans"]][len(one["ids"]) - n_kept :]
        if got != wanted:
            wrong.append((item, [(g, w) for g, w in zip(got, wanted, strict=True) if g != w][:4]))
        assert all(span is None for span in one["spans"][: len(one["ids"]) - n_kept])
    assert len(wrong) == 0, f"{len(wrong)} of {len(items)}: {wrong[:4]!r:.1500}"
