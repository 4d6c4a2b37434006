"""Data sets: counts and balance of `everyday`, that no surface gives its labels away; its biased twin; baseball."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from importlib import resources
from itertools import chain, groupby

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import rmlab
from rmlab.bradley_terry import fit_bradley_terry
from rmlab.data import PreferencePairs, check_pairs
from rmlab.datasets import (
    dataset_card,
    everyday_notes,
    load_baseball,
    load_everyday,
    load_everyday_biased,
    load_probe_presets,
)
from rmlab.datasets.probes import COURSE_JUDGES, record_probe_presets
from rmlab.simulate.replies import load_questions

KINDS = (
    *("arithmetic", "complete", "concise", "factual", "hedges", "honest"),
    *("instruction", "on_topic", "ordered", "polite", "refusal", "safe"),
)
DATA = resources.files("rmlab.datasets") / "data"


@pytest.fixture(scope="module")
def everyday():
    return load_everyday()


@pytest.fixture(scope="module")
def notes():
    return everyday_notes()


@pytest.fixture(scope="module")
def biased():
    return load_everyday_biased()


# everyday: counts and schema


def test_everyday_has_620_pairs_and_at_least_52_of_each_of_twelve_kinds(everyday):
    kinds = Counter(everyday.groups)
    assert sorted(kinds) == list(KINDS)
    assert min(kinds.values()) >= 52
    assert len(everyday) >= 620


def test_every_line_of_everyday_has_the_columns_the_card_names_and_no_other():
    lines = (DATA / "everyday.jsonl").read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    columns = re.findall(r"\| `(\w+)` \|", dataset_card("everyday").partition("## Kinds")[0])
    assert all(list(record) == columns for record in records)
    texts = [text for record in records for text in record.values()]
    assert [text for text in texts if not isinstance(text, str) or not text or text != text.strip()] == []
    assert [record["id"] for record in records] == [f"everyday-{i + 1:03d}" for i in range(len(records))]


def test_reading_everyday_flags_nothing(everyday):
    report = everyday.report
    faults = ("n_ties", "n_empty", "n_equal", "n_empty_prompt", "n_prompts_differ", "n_duplicates", "n_contradictions")
    assert [getattr(report, fault) for fault in faults] == [0] * len(faults)


def test_notes_stand_in_the_order_of_the_pairs(everyday, notes):
    assert [note.kind for note in notes] == everyday.groups
    assert len({note.id for note in notes}) == len(everyday)


def test_any_stretch_of_everyday_mixes_the_kinds(everyday):
    stretches = [set(everyday.groups[start : start + 60]) for start in range(0, len(everyday) - 59, 60)]
    assert min(map(len, stretches)) >= 9


def test_difficulties_are_three_and_each_is_in_use(notes):
    counts = Counter(note.difficulty for note in notes)
    assert set(counts) == {"easy", "medium", "hard"}
    assert min(counts.values()) >= 0.1 * len(notes)


def test_every_why_is_one_sentence(notes):
    assert [note.why for note in notes if not re.fullmatch(r"[^\n]*[\w'\")%]\.", note.why)] == []
    assert [note.why for note in notes if re.search(r"[.?]\s+[A-Z]", note.why)] == []


def test_lengths_suit_reading_in_class(everyday):
    assert all(4 <= len(prompt.split()) <= 40 for prompt in everyday.texts("prompt"))
    words = [len(text.split()) for side in ("chosen", "rejected") for text in everyday.texts(side)]
    assert max(words) <= 80
    assert np.mean(np.array(words) >= 10) > 0.9


# everyday: no short cut to the label. Each measure is also shown a set in which a short cut was planted.


def with_chosen(pairs, edit):
    """Give the pairs with each chosen response as ``edit(number, pair)`` has it."""
    return PreferencePairs.from_list(replace(pair, chosen=edit(i, pair)) for i, pair in enumerate(pairs))


def longer_shares(pairs):
    """Share of the pairs in which the chosen response is the longer one: of all, and of each kind."""
    longer = np.greater(pairs.lengths("chosen"), pairs.lengths("rejected"))
    kinds = np.array(pairs.groups)
    return longer.mean(), {str(kind): longer[kinds == kind].mean() for kind in np.unique(kinds)}


def test_the_chosen_response_is_the_longer_one_about_half_of_the_time(everyday):
    share, of_kinds = longer_shares(everyday)
    assert 0.45 <= share <= 0.55
    assert {kind: of_kind for kind, of_kind in of_kinds.items() if not 0.35 <= of_kind <= 0.65} == {}


def test_that_share_would_notice_one_padded_kind(everyday):
    padded = with_chosen(everyday, lambda i, p: p.chosen + " I hope that this helps you." * 9 * (p.group == "safe"))
    assert longer_shares(padded)[1]["safe"] > 0.65


def counts(texts):
    """Characters, words, sentences, commas and digits of each text: what a glance takes in."""
    sentence_end = re.compile(r"[.?!](?= |$)")
    marks = [(len(sentence_end.findall(text)), text.count(","), sum(map(str.isdigit, text))) for text in texts]
    return np.array([(len(text), len(text.split()), *seen) for text, seen in zip(texts, marks, strict=True)], float)


READERS = {
    "words": lambda: make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), LogisticRegression(solver="liblinear")),
    "letters": lambda: make_pipeline(
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), min_df=3), LogisticRegression(solver="liblinear")
    ),
    "counts": lambda: make_pipeline(
        FunctionTransformer(counts), HistGradientBoostingClassifier(max_iter=60, max_depth=3, random_state=0)
    ),
}


def held_out_accuracy(pairs, reader, shuffles=2) -> float:
    """How often a reader of single responses, prompt unseen, tells chosen from rejected; five folds, a pair in one."""
    texts = list(chain.from_iterable(zip(pairs.texts("chosen"), pairs.texts("rejected"), strict=True)))
    labels, pair_of = np.tile([1, 0], len(pairs)), np.repeat(np.arange(len(pairs)), 2)
    rng = np.random.default_rng(0)
    accuracies = []
    for _ in range(shuffles):
        groups = rng.permutation(len(pairs))[pair_of]
        predicted = cross_val_predict(READERS[reader](), texts, labels, groups=groups, cv=GroupKFold(5))
        accuracies.append(np.mean(np.asarray(predicted) == labels))
    return float(np.mean(accuracies))


@pytest.mark.slow
@pytest.mark.parametrize("reader", READERS)
def test_no_reader_of_the_surface_tells_chosen_from_rejected(everyday, reader):
    assert held_out_accuracy(everyday, reader) <= 0.6


@pytest.mark.slow
@pytest.mark.parametrize("reader", READERS)
def test_that_bound_would_notice_a_telltale(everyday, reader):
    marked = with_chosen(everyday, lambda i, pair: "Certainly. " * (i % 4 > 0) + pair.chosen)  # three of four
    assert held_out_accuracy(marked, reader, shuffles=1) > 0.62


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_within_a_kind_words_tell_what_the_card_says(everyday, kind):
    of_kind = everyday[np.array(everyday.groups) == kind]
    stated = re.search(rf"\| `{kind}` \| \d+ \| \d+% \| (\d+)% \|", dataset_card("everyday"))
    assert stated
    assert held_out_accuracy(of_kind, "words", shuffles=10) == pytest.approx(int(stated[1]) / 100, abs=0.04)


@pytest.mark.parametrize("sign", ["!", "?", ":", ";", "Sure", "Certainly", "I'm sorry", "As an AI", "1."])
def test_no_sign_stands_on_one_side_only(everyday, sign):
    chosen, rejected = (sum(sign in text for text in everyday.texts(side)) for side in ("chosen", "rejected"))
    assert abs(chosen - rejected) <= 0.05 * len(everyday)


# everyday: variety


def words_of(text):
    """The words of a text, a number as ``#`` and a capital after the first word as ``Name``."""
    words = re.findall(r"[\w']+|#", re.sub(r"\d[\d.,:]*", "#", text))
    return ["Name" if i and word[0].isupper() and word != "I" else word.lower() for i, word in enumerate(words)]


def skeleton(sentence):
    """The small words of a sentence, with a gap for whatever stands between them: ``what do i _``."""
    kept = (word if word in ENGLISH_STOP_WORDS else "_" for word in words_of(sentence))
    return [word for word, _ in groupby(kept, key=lambda word: word)]


def worn_out(texts):
    """Frames in which more than five of the texts are cast: how they open, and the skeletons of their sentences."""
    openings = Counter(" ".join(words_of(text)[:4]) for text in texts)
    sentences = (skeleton(sentence) for text in texts for sentence in re.split(r"(?<=[.?!]) ", text))
    skeletons = Counter(" ".join(frame) for frame in sentences if len(frame) >= 4)
    return {frame: n for frame, n in (openings + skeletons).items() if n > 5}


def texts_of(everyday, notes):
    return [*chain.from_iterable(map(everyday.texts, ("prompt", "chosen", "rejected"))), *(note.why for note in notes)]


def test_no_frame_is_worn_out(everyday, notes):
    assert worn_out(texts_of(everyday, notes)) == {}


TOWNS = {"Ghent": "lace", "Bath": "springs", "Oslo": "opera", "Lyon": "silk", "Jena": "lenses", "Faro": "cork"}


@pytest.mark.parametrize(
    ("frame", "sentences"),
    [
        ("in # Name turned", [f"In {1800 + len(town)} {town} turned to {ware}." for town, ware in TOWNS.items()]),
        ("the _ of _ is the _ of _", [f"The town of {town} is the home of {ware}." for town, ware in TOWNS.items()]),
    ],
)
def test_a_frame_is_found_at_the_sixth_text_whatever_fills_it(everyday, notes, frame, sentences):
    assert worn_out(sentences[:5]) == {}
    assert frame in worn_out([*texts_of(everyday, notes), *sentences])


@pytest.mark.parametrize("side", ["prompt", "chosen", "rejected", "why"])
def test_no_opening_of_three_words_is_worn_out(everyday, notes, side):
    texts = [note.why for note in notes] if side == "why" else everyday.texts(side)
    openings = Counter(" ".join(re.findall(r"[\w']+", text.lower())[:3]) for text in texts)
    assert {opening: n for opening, n in openings.items() if n > 5} == {}


def near_equal(texts):
    """Pairs of texts of which a bag of words, rare ones counting more, has a cosine over 0.7."""
    vectors = TfidfVectorizer().fit_transform(texts)
    near = np.argwhere(np.triu((vectors @ vectors.T).toarray(), 1) > 0.7)
    return [(texts[i], texts[j]) for i, j in near]


@pytest.mark.parametrize("side", ["prompt", "chosen", "rejected"])
def test_no_two_texts_are_near_equal(everyday, side):
    assert near_equal(list(everyday.texts(side))) == []


def test_no_prompt_is_that_of_another_pair(everyday):
    check = check_pairs(everyday)
    assert check.n_prompts == len(everyday)
    assert check.near_equal_prompts.tolist() == []


def test_a_text_that_is_there_again_with_two_words_changed_is_found(everyday):
    texts = list(everyday.texts("chosen"))
    (long, *_) = sorted(texts, key=len)[-20:]
    again = " ".join(["Indeed", *long.split()[1:-1], "then"])
    assert near_equal([*texts, again]) == [(long, again)]


# everyday_biased: the same, and longer is better


def test_the_twin_has_the_same_prompts_kinds_and_order(everyday, biased):
    assert list(biased.texts("prompt")) == list(everyday.texts("prompt"))
    assert biased.groups == everyday.groups


def fillers_around(everyday, biased, side):
    """For each pair, what was added to a response: the sentences in front of it and those behind."""
    added = []
    for plain, padded in zip(everyday.texts(side), biased.texts(side), strict=True):
        front, found, back = padded.partition(plain)
        assert found
        added.append(tuple(re.split(r"(?<=\.) ", part.strip()) if part.strip() else [] for part in (front, back)))
    return added


def test_only_sentences_of_the_bank_were_added_and_each_has_its_place(everyday, biased):
    bank = json.loads((DATA / "filler.json").read_text(encoding="utf-8"))
    added = [*fillers_around(everyday, biased, "chosen"), *fillers_around(everyday, biased, "rejected")]
    for place, sentences in zip(("front", "back"), zip(*added, strict=True), strict=True):
        assert set(chain.from_iterable(sentences)) == set(bank[place])  # and each is in use
        assert all(len(set(some)) == len(some) for some in sentences)
        assert len(bank[place]) >= 30


def test_both_sides_are_padded_and_only_the_amount_differs(everyday, biased):
    chosen, rejected = (
        np.array([len(front) + len(back) for front, back in fillers_around(everyday, biased, side)])
        for side in ("chosen", "rejected")
    )
    assert (rejected > 0).mean() > 0.6
    assert (chosen > rejected).mean() > 0.85
    assert set(chosen) >= {0, 1, 2, 3, 4}
    assert max(chosen.max(), rejected.max()) <= 6


def test_in_the_twin_length_alone_finds_the_chosen_response(biased):
    lengths = np.stack([biased.lengths("chosen"), biased.lengths("rejected")], axis=1)
    by_length = rmlab.evaluate(np.sign(lengths @ [1, -1]), groups=biased.groups, lengths=lengths)
    assert by_length.length_baseline is not None
    assert by_length.groups is not None
    assert by_length.length_baseline.accuracy == by_length.accuracy
    assert {kind: of.accuracy for kind, of in by_length.groups.items() if not 0.85 <= of.accuracy <= 0.9} == {}


@pytest.mark.slow
def test_in_the_twin_words_tell_much_and_length_tells_more(everyday, biased):
    by_words = held_out_accuracy(biased, "words")
    assert held_out_accuracy(everyday, "words") + 0.1 < by_words < longer_shares(biased)[0] - 0.1


def test_the_twin_is_the_same_however_often_and_wherever_it_is_loaded(biased):
    source = (
        "import hashlib; from rmlab.datasets import load_everyday_biased as load;"
        "print(hashlib.sha256(repr([(p.chosen, p.rejected) for p in load()]).encode()).hexdigest())"
    )
    run = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, check=True
    )  # another hash seed
    here = repr([(pair.chosen, pair.rejected) for pair in biased]).encode()
    assert run.stdout.strip() == hashlib.sha256(here).hexdigest()


# Cards


def test_the_card_of_everyday_says_where_it_comes_from_and_how_large_it_is(everyday, notes):
    card = " ".join(dataset_card("everyday").split())
    assert f"{len(everyday)} pairs" in card
    assert "for this project" in card
    assert "from a crowd" in card
    levels = Counter(note.difficulty for note in notes)
    assert f"({levels['easy']}, {levels['medium']} and {levels['hard']} pairs)" in card
    share, of_kinds = longer_shares(everyday)
    assert f"{share:.0%} of the pairs" in card
    for kind, n in Counter(everyday.groups).items():
        assert re.search(rf"\| `{kind}` \| {n} \| {of_kinds[kind]:.0%} \|", card), kind


def test_the_card_of_the_twin_says_that_it_is_biased_on_purpose_and_by_how_much(biased):
    card = " ".join(dataset_card("everyday_biased").split())
    assert "on purpose" in card
    assert f"{len(biased)} pairs" in card
    assert f"longer one in {longer_shares(biased)[0]:.0%} of the pairs" in card


def test_the_card_of_baseball_names_its_source_and_its_columns():
    card = " ".join(dataset_card("baseball").split())
    assert "Agresti" in card
    assert "Categorical Data Analysis" in card
    header = (DATA / "baseball.csv").read_text(encoding="utf-8").splitlines()[0]
    assert re.findall(r"\| `(\w+)` \|", card) == header.split(",")


def test_an_unknown_card_is_refused_with_the_names_there_are():
    names = "baseball, course_model, everyday, everyday_biased, recorded, replies, tiny_language_model"
    with pytest.raises(ValueError, match=rf"\({names}\), got .cricket."):
        dataset_card("cricket")


# Baseball: Agresti's tables and what he fits to them

TEAMS = ("Baltimore", "Boston", "Cleveland", "Detroit", "Milwaukee", "New York", "Toronto")
WINS = np.array(  # of the row over the column, home and away together
    [
        [0, 1, 7, 4, 2, 3, 1],
        [12, 0, 7, 2, 6, 7, 6],
        [6, 6, 0, 4, 4, 6, 5],
        [9, 11, 9, 0, 6, 5, 7],
        [11, 7, 9, 7, 0, 7, 9],
        [10, 6, 7, 8, 6, 0, 6],
        [12, 7, 8, 6, 4, 7, 0],
    ]
)


def test_home_and_away_games_sum_to_the_table_of_wins():
    season = load_baseball()
    wins = np.zeros_like(WINS)
    for winner, loser in zip(season.winners, season.losers, strict=True):
        wins[TEAMS.index(winner), TEAMS.index(loser)] += 1
    np.testing.assert_array_equal(wins, WINS)
    assert len(season.winners) == len(season.losers) == len(season.first) == 273


def test_a_home_team_that_won_is_first():
    season = load_baseball()
    games = Counter(zip(season.winners, season.losers, season.first.tolist(), strict=True))
    assert set(season.first.tolist()) == {1, -1}
    # In Milwaukee, Milwaukee won 6 against Boston and lost 1; in Boston, Boston won 5 and lost 1.
    assert [games["Milwaukee", "Boston", first] for first in (1, -1)] == [6, 1]
    assert [games["Boston", "Milwaukee", first] for first in (1, -1)] == [5, 1]


def test_the_fit_gives_the_published_scores():
    season = load_baseball()
    fit = fit_bradley_terry(season.winners, season.losers).relative_to("Baltimore")
    assert fit.items == TEAMS
    np.testing.assert_allclose(
        fit.scores, [0, 1.10770, 0.68385, 1.43641, 1.58136, 1.24762, 1.29449], rtol=0, atol=5.1e-6
    )
    np.testing.assert_allclose(
        fit.standard_errors, [0, 0.33388, 0.33188, 0.33957, 0.34326, 0.33586, 0.33667], rtol=0, atol=5.1e-6
    )
    assert fit.log_loss == pytest.approx(0.6309457, abs=5e-8)


def test_the_fit_gives_the_published_home_effect():
    season = load_baseball()
    fit = fit_bradley_terry(season.winners, season.losers, first=season.first)
    assert fit.order_effect == pytest.approx(0.30226, abs=5e-6)
    assert fit.order_effect_standard_error == pytest.approx(0.13094, abs=5e-6)


# Presets of the probe


def test_probe_presets_are_recorded_as_the_course_models_score_them():
    shipped, again = load_probe_presets(), record_probe_presets()
    for one, other in zip(shipped, again, strict=True):
        assert replace(one, scores={}) == replace(other, scores={})
        for judge in COURSE_JUDGES:
            np.testing.assert_allclose(one.scores[judge], other.scores[judge], atol=1e-3)


def test_presets_are_of_fresh_questions_each_with_what_the_judges_make_of_it():
    presets = load_probe_presets()
    fresh = {question.prompt for question in load_questions(fresh=True)}
    assert set(Counter(preset.theme for preset in presets)) == {"content", "flattery", "doubt and refusal", "form"}
    assert {preset.prompt for preset in presets} <= fresh
    assert len({preset.prompt for preset in presets}) == len(presets)
    for preset in presets:
        differs = preset.truth["flattered"] != preset.truth["fair"]
        assert differs == (preset.theme == "flattery")
