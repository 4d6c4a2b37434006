"""An adapter is saved alone and read back with its base, and a base that is missing or another is named."""

import json
import shutil
import warnings

import numpy as np
import pytest
import torch
from test_training import FP32, fresh, make_pairs

from rmlab.__main__ import main
from rmlab.model import ModelError, RewardModel
from rmlab.model.backbones import quiet_transformers
from rmlab.training import TrainingConfig, TrainingError, fit_head, train

pytestmark = pytest.mark.usefixtures("no_bars")
LORA = TrainingConfig(max_steps=3, batch_size=8, lora=2, **{**FP32, "learning_rate": 1e-2})
PAIRS = make_pairs(16)


def trained(source, **options):
    model = RewardModel.from_pretrained(source, device="cpu", **options)
    train(model, PAIRS, config=LORA, progress=False)
    return model


@pytest.fixture(scope="module", params=["tiny-decoder", "tiny-encoder"])
def base(request, tmp_path_factory):
    """A base in a folder, whose head was trained, and whose longest sequence is not the usual one."""
    model = RewardModel.from_pretrained(request.param, device="cpu", max_length=96)
    return model.save_pretrained(tmp_path_factory.mktemp("base") / "base")


@pytest.fixture
def saved(base, tmp_path):
    """An adapter beside a copy of its base, and the model that was saved."""
    own = shutil.copytree(base, tmp_path / "base")
    model = trained(own)
    return model.save_pretrained(tmp_path / "adapter", only_adapter=True), own, model


def test_an_adapter_and_its_base_score_as_the_model_that_was_saved(saved):
    folder, own, model = saved
    again = RewardModel.from_pretrained(folder, seed=5, fresh_head=False, device="cpu")
    np.testing.assert_array_equal(again.score_differences(PAIRS), model.score_differences(PAIRS))
    assert (again.max_length, again.convention) == (96, model.convention)
    assert not np.array_equal(
        RewardModel.from_pretrained(own, device="cpu").score_differences(PAIRS), model.score_differences(PAIRS)
    )
    record = json.loads((folder / "rmlab.json").read_text())["adapter"]
    assert record["base"] == str(own)
    assert set(record["sha256"]) == {"model.safetensors"}
    assert not (folder / "config.json").exists()
    weights = [sum(path.stat().st_size for path in where.glob("*.safetensors")) for where in (folder, own)]
    assert weights[0] < weights[1] / 2


def test_peft_reads_it_as_its_own(saved):
    import peft
    from transformers import AutoModelForSequenceClassification

    folder, own, model = saved
    with quiet_transformers(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = AutoModelForSequenceClassification.from_pretrained(own, num_labels=1)
        found = peft.PeftModel.from_pretrained(network, str(folder)).eval()
    prompts, responses = ["Box 1 is red."], ["It is red."]
    with torch.no_grad():
        score = found(input_ids=torch.tensor([model.encode(prompts, responses)[0]])).logits[0, 0]
    assert float(score) == pytest.approx(float(model.score(prompts, responses)[0]), abs=1e-5)


def test_a_base_with_random_weights_is_made_again_by_its_seed(tmp_path):
    for name in ("tiny-decoder", "tiny-encoder"):
        model = trained(name, seed=3)
        folder = model.save_pretrained(tmp_path / name, only_adapter=True)
        again = RewardModel.from_pretrained(folder, fresh_head=False, device="cpu")
        np.testing.assert_array_equal(again.score_differences(PAIRS), model.score_differences(PAIRS))


def test_an_adapter_on_an_adapter_is_read_with_both(saved, tmp_path):
    folder, _, _ = saved
    model = trained(folder)
    second = model.save_pretrained(tmp_path / "second", only_adapter=True)
    again = RewardModel.from_pretrained(second, device="cpu")
    np.testing.assert_array_equal(again.score_differences(PAIRS), model.score_differences(PAIRS))


def test_a_base_that_is_gone_is_named_and_one_that_moved_along_is_found(saved, tmp_path):
    folder, own, model = saved
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    shutil.move(own, moved / "base")
    with pytest.raises(ModelError, match=f"adapter of {own}"):
        RewardModel.from_pretrained(folder)
    again = RewardModel.from_pretrained(shutil.move(folder, moved / "adapter"), device="cpu")
    np.testing.assert_array_equal(again.score_differences(PAIRS), model.score_differences(PAIRS))


def test_an_adapter_that_is_its_own_base_is_refused(saved):
    folder, _, _ = saved
    (folder / "rmlab.json").unlink()
    config = json.loads((folder / "adapter_config.json").read_text())
    (folder / "adapter_config.json").write_text(json.dumps({**config, "base_model_name_or_path": str(folder)}))
    with pytest.raises(ModelError, match="names itself"):
        RewardModel.from_pretrained(folder)


def test_a_base_that_is_another_is_named_with_both_hashes(saved):
    folder, own, _ = saved
    shutil.rmtree(own)
    RewardModel.from_pretrained("tiny-decoder", seed=8, device="cpu").save_pretrained(own)
    expected = json.loads((folder / "rmlab.json").read_text())["adapter"]["sha256"]["model.safetensors"]
    with pytest.raises(ModelError, match=rf"model\.safetensors .*should be {expected}, got [0-9a-f]{{64}}"):
        RewardModel.from_pretrained(folder)


def test_what_is_no_adapter_alone_is_refused(tmp_path):
    model = trained("tiny-decoder")
    train(model, PAIRS, config=LORA, progress=False)  # on weights that are no longer the base's
    whole = fresh()
    train(whole, PAIRS, config=TrainingConfig(max_steps=1, batch_size=8, **FP32), progress=False)
    for one in (model, whole, fresh()):
        with pytest.raises(ModelError, match="no adapter to save alone"):
            one.save_pretrained(tmp_path / "adapter", only_adapter=True)
    assert not (tmp_path / "adapter").exists()


def test_rmlab_train_saves_an_adapter_alone_and_scores_it(base, tmp_path, capsys):
    pairs, out = tmp_path / "pairs.jsonl", tmp_path / "adapter"
    pairs.write_text("".join(
        json.dumps({"prompt": p.prompt, "chosen": p.chosen, "rejected": p.rejected}) + "\n" for p in make_pairs(24)
    ))  # fmt: skip
    words = ["train", str(pairs), "--backbone", str(base), "--out", str(out), "--max-steps", "2", "--batch-size", "4"]
    assert main([*words, "--save", "adapter"]) == 2
    said = capsys.readouterr().err
    assert "--save adapter" in said
    assert "--lora" in said
    assert main([*words, "--save", "adapter", "--lora", "2"]) == 0
    assert "trained further" in capsys.readouterr().out
    assert {path.name for path in out.glob("*.safetensors")} == {"adapter_model.safetensors"}
    assert main(["score", str(out), "--prompt", "a", "--response", "b"]) == 0
    assert main(["doctor", str(out), "--json"]) == 0


def test_an_adapter_alone_does_not_replace_its_base(tmp_path):
    RewardModel.from_pretrained("tiny-decoder", device="cpu").save_pretrained(tmp_path / "base")
    model = RewardModel.from_pretrained(tmp_path / "base", device="cpu")
    train(model, PAIRS, config=LORA, progress=False)
    with pytest.raises(ModelError, match="base of this adapter"):
        model.save_pretrained(tmp_path / "base", only_adapter=True)
    RewardModel.from_pretrained(tmp_path / "base", device="cpu")


def test_an_adapter_is_not_saved_after_its_base_has_changed(tmp_path):
    RewardModel.from_pretrained("tiny-decoder", device="cpu").save_pretrained(tmp_path / "base")
    model = RewardModel.from_pretrained(tmp_path / "base", device="cpu")
    train(model, PAIRS, config=LORA, progress=False)
    model.save_pretrained(tmp_path / "base")
    with pytest.raises(ModelError, match="has changed"):
        model.save_pretrained(tmp_path / "alone", only_adapter=True)


def test_after_fit_head_no_older_adapter_is_saved(tmp_path):
    model = RewardModel.from_pretrained("tiny-decoder", device="cpu")
    train(model, PAIRS, config=LORA, progress=False)
    fit_head(model, PAIRS)
    with pytest.raises(ModelError, match="no adapter"):
        model.save_pretrained(tmp_path / "alone", only_adapter=True)
    with pytest.raises(TrainingError, match="one head"):
        fit_head(RewardModel.from_pretrained("tiny-decoder", n_heads=2, device="cpu"), PAIRS)
