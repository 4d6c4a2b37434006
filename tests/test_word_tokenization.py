"""Ids made word by word are those that the tokenizer makes of the whole text, whatever is in the text."""

import itertools
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers

from rmlab.model import word_tokenization
from rmlab.model.word_tokenization import token_ids

LETTERS = "abcdefghijklmnopqrstuvwxyzéσς中1"
PIECES = [*LETTERS, *(f"##{letter}" for letter in LETTERS), "the", "not", "cafe", "word", "##words", "don", *".,'[]!$"]
SPECIAL = ["[UNK]", "[CLS]", "[SEP]", "[MASK]"]
# what BERT treats in a way of its own: white space, controls, accents apart from their letters, Chinese, long words
SPACES = [" ", "\n", "\t", "\r\n", "\x1c", "\x85", "\u2028", "\xa0", "\u200b", "\ufffd", "\0"]
AWKWARD = [
    *SPACES, "é", "e\u0301", "\u0301", "İ", "ΑΣ", "中文", "—", "…", "don't", "word", "words", "cafés", "a" * 101,
    "[SEP]", "[ SEP ]", "[sep]", "U.S.A.", "!!", "\U0001f469\u200d\U0001f4bb", "´", "$", "^", "`", "~",
]  # fmt: skip
TEXTS = st.lists(st.lists(st.sampled_from(AWKWARD) | st.text(max_size=4), max_size=12).map("".join), max_size=6)


def bert(*, added=(), **options) -> Tokenizer:
    pieces = {piece: number for number, piece in enumerate([*SPECIAL, *PIECES])}
    tokenizer = Tokenizer(models.WordPiece(pieces, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(**options)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(SPECIAL)
    tokenizer.add_tokens(list(added))
    return tokenizer


TOKENIZERS = [
    bert(clean_text=clean, handle_chinese_chars=chinese, strip_accents=strip, lowercase=lower)
    for clean, chinese, strip, lower in itertools.product((True, False), (True, False), (None, False), (True, False))
]


def whole(tokenizer: Tokenizer, texts: list[str]) -> list[list[int]]:
    return [encoding.ids for encoding in tokenizer.encode_batch(texts, add_special_tokens=False)]


@given(texts=TEXTS, tokenizer=st.sampled_from(TOKENIZERS))
@example(texts=[], tokenizer=TOKENIZERS[0])
@example(texts=["", " \n"], tokenizer=TOKENIZERS[0])
def test_ids_by_words_are_those_of_the_whole_text(texts, tokenizer):
    assert token_ids(tokenizer, texts) == whole(tokenizer, texts)


def test_words_are_indeed_made_once(monkeypatch):
    made = []
    monkeypatch.setattr(word_tokenization, "_of_texts", lambda *_: pytest.fail("the whole texts were tokenised"))
    monkeypatch.setattr(word_tokenization, "_of_words", lambda fast, texts: made.extend(texts))
    token_ids(TOKENIZERS[0], ["a word", "a word"])
    assert made == ["a word", "a word"]


@pytest.mark.parametrize(("tokenizer", "text"), [
    (bert(added=["the word"]), "see the word here"),  # an added token that spans a space
    (bert(added=[AddedToken("not", normalized=True)]), "NOT"),  # one that is looked for after the case is gone
    (TOKENIZERS[0], "a[SEP]b"),
])  # fmt: skip
def test_an_added_token_keeps_a_text_whole(tokenizer, text):
    assert token_ids(tokenizer, [text]) == whole(tokenizer, [text])


@pytest.mark.parametrize("fault", ["[a-z]+|[^a-z ]", r"\w+|[!-/:-@]"])  # within a word, before an accent; brackets lost
def test_a_text_parted_in_the_wrong_place_is_noticed(monkeypatch, fault):
    monkeypatch.setattr(word_tokenization, "WORDS", re.compile(fault))
    with pytest.raises(AssertionError):
        test_ids_by_words_are_those_of_the_whole_text()
