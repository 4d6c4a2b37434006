"""Token ids on disk: those of memory, made once, and not taken for those of other texts, tokenizers or lengths."""

import re
import sys
import time
from multiprocessing import get_context

import numpy as np
import pytest

from rmlab.data import PreferencePair, PreferencePairs
from rmlab.model import COUNTS, TRL, MappedIds, RewardModel
from rmlab.model.tokenization import Encoder
from rmlab.simulate import simulate_text_pairs
from rmlab.training import TrainingConfig, TrainingError, prepare, train

PAIRS = [*simulate_text_pairs(30, seed=0).pairs, PreferencePair("p", "a", "b", tied=True), PreferencePair("", "a", "a")]


@pytest.fixture(scope="module")
def model():
    return RewardModel.from_pretrained("tiny-decoder", seed=0, device="cpu")


@pytest.fixture
def encoded_texts(monkeypatch):
    """The number of texts of each call of the tokenizer."""
    calls, whole = [], Encoder.encode_rendered

    def counted(self, rendered, **options):
        calls.append(len(rendered))
        return whole(self, rendered, **options)

    monkeypatch.setattr(Encoder, "encode_rendered", counted)
    return calls


def kept_in(folder):
    """What stands in a folder of token ids, locks aside."""
    return [path for path in folder.iterdir() if path.suffix != ".lock"]


def as_messages(pairs):
    def turn(role, text):
        return ({"role": role, "content": text},)

    return [
        PreferencePair(turn("user", p.prompt), turn("assistant", p.chosen), turn("assistant", p.rejected))
        for p in pairs[:9]
    ]


@pytest.mark.parametrize("max_length", [None, 12])
@pytest.mark.parametrize("pairs", [PAIRS, as_messages(PAIRS)], ids=["text", "messages"])
def test_ids_on_disk_are_those_of_memory(model, tmp_path, pairs, max_length):
    expected = prepare(model, pairs, max_length=max_length)
    found = prepare(model, pairs, max_length=max_length, tokens=tmp_path)
    for side in ("chosen", "rejected"):
        one, other = getattr(expected.encoded, side), getattr(found.encoded, side)
        assert isinstance(other.input_ids, MappedIds)
        assert list(one) == list(other)
        for name in COUNTS:
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert (expected.left_out, expected.truncation, expected.places) == (
        found.left_out,
        found.truncation,
        found.places,
    )


def test_a_run_on_mapped_ids_is_a_run_on_ids_in_memory(tmp_path):
    losses = []
    for tokens in (None, tmp_path):
        model = RewardModel.from_pretrained("tiny-decoder", seed=0, device="cpu")
        data = prepare(model, PAIRS, tokens=tokens)
        config = TrainingConfig(max_steps=4, batch_size=8, precision="fp32")
        losses.append([s.loss for s in train(model, data, held_out=data, config=config, progress=False).steps])
    assert losses[0] == losses[1]


def test_a_second_call_tokenises_nothing(model, tmp_path, encoded_texts):
    first = prepare(model, PAIRS, tokens=tmp_path)
    assert sum(encoded_texts) == 60
    second = prepare(RewardModel.from_pretrained("tiny-decoder", seed=1, device="cpu"), PAIRS, tokens=tmp_path)
    assert sum(encoded_texts) == 60
    assert list(first.encoded.chosen) == list(second.encoded.chosen)
    assert len(kept_in(tmp_path)) == 1


def other_tokens():
    model = RewardModel.from_pretrained("tiny-decoder", seed=0, device="cpu")
    model.tokenizer.add_tokens(["the"])
    return model


def other_convention():
    model = RewardModel.from_pretrained("tiny-decoder", seed=0, device="cpu")
    model.encoder.convention = TRL
    return model


@pytest.mark.parametrize(("change", "tokenised"), [
    ({"model": other_convention}, 60),
    ({"max_length": 20}, 60),
    ({"pairs": PAIRS[::-1]}, 60),
    ({"pairs": PAIRS[1:]}, 58),
    ({"model": other_tokens}, 60),
    ({"model": lambda: RewardModel.from_pretrained("tiny-encoder", seed=0, device="cpu")}, 60),
])  # fmt: skip
def test_ids_of_other_texts_tokenizers_or_lengths_are_not_used(model, tmp_path, encoded_texts, change, tokenised):
    prepare(model, PAIRS, tokens=tmp_path)
    encoded_texts.clear()
    changed = change.get("model", lambda: model)()
    prepare(changed, change.get("pairs", PAIRS), max_length=change.get("max_length"), tokens=tmp_path)
    assert sum(encoded_texts) == tokenised


@pytest.mark.parametrize("max_length", [4, 100_000])
def test_a_length_that_the_model_does_not_allow_is_refused(model, tmp_path, max_length):
    with pytest.raises(ValueError, match=rf"\b8\b.*\b512\b.*\b{max_length}\b"):
        prepare(model, PAIRS, max_length=max_length, tokens=tmp_path)


def test_what_a_killed_process_left_is_cleared_away(model, tmp_path, encoded_texts):
    prepare(model, PAIRS, tokens=tmp_path)
    (whole,) = kept_in(tmp_path)
    whole.rename(tmp_path / "half")
    (tmp_path / f".{whole.name}.saving").mkdir()
    (tmp_path / "half").rename(tmp_path / f".{whole.name}.saving" / "new")
    prepare(model, PAIRS, tokens=tmp_path)
    assert sum(encoded_texts) == 120
    assert kept_in(tmp_path) == [whole]


def make_slowly(folder, ready, made):
    """Tokenise with every call a second long, so that two processes at once are sure to meet."""
    whole, calls = Encoder.encode_rendered, []

    def slow(self, rendered, **options):
        calls.append(len(rendered))
        time.sleep(1)
        return whole(self, rendered, **options)

    Encoder.encode_rendered = slow
    model = RewardModel.from_pretrained("tiny-decoder", seed=0, device="cpu")
    ready.wait(60)
    data = prepare(model, PAIRS, tokens=folder)
    made.put((sum(calls), [list(ids) for ids in data.encoded.chosen]))


@pytest.mark.slow
def test_of_two_processes_one_makes_the_ids_and_the_other_finds_them(model, tmp_path):
    context = get_context("spawn")
    ready, made = context.Barrier(2), context.Queue()
    processes = [context.Process(target=make_slowly, args=(tmp_path, ready, made)) for _ in range(2)]
    for process in processes:
        process.start()
    (first, chosen), (second, others) = made.get(timeout=60), made.get(timeout=60)
    for process in processes:
        process.join(60)
    assert sorted([first, second]) == [0, 60]
    assert chosen == others == list(prepare(model, PAIRS).encoded.chosen)


def test_several_processes_make_the_same_ids(model, tmp_path):
    expected = prepare(model, PAIRS)
    assert list(prepare(model, PAIRS, tokens=tmp_path, processes=2).encoded.rejected) == list(expected.encoded.rejected)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of files")
def test_a_full_disk_is_said_so_and_leaves_nothing_behind(model, tmp_path):
    import resource

    pairs = PreferencePairs.from_list(simulate_text_pairs(400, seed=1).pairs)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, limits[1]))  # the system refuses to write more to a file
    try:
        with pytest.raises(TrainingError, match=rf"{re.escape(str(tmp_path / 'ids'))}.*too large"):
            prepare(model, pairs, tokens=tmp_path / "ids")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not kept_in(tmp_path / "ids")


def test_a_folder_that_cannot_be_made_is_said_so(model, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(TrainingError, match=re.escape(str(tmp_path / "file"))):
        prepare(model, PAIRS, tokens=tmp_path / "file")


def test_ids_on_disk_that_changed_are_refused_by_the_name_of_their_file(model, tmp_path):
    prepare(model, PAIRS, tokens=tmp_path)
    (whole,) = kept_in(tmp_path)
    (data,) = whole.glob("*.arrow")
    content = bytearray(data.read_bytes())
    content[len(content) // 2] ^= 1
    data.write_bytes(content)
    with pytest.raises(TrainingError, match=re.escape(data.name)):
        prepare(model, PAIRS, tokens=tmp_path)
