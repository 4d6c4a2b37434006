"""Of a multimodal network the text part is taken and named; the rest is kept as it is."""

import numpy as np
import pytest
import torch
import transformers
from test_training import FP32, make_pairs, weights

from rmlab.model import RewardModel
from rmlab.model.backbones import quiet_transformers
from rmlab.model.description import describe
from rmlab.training import TrainingConfig, train

pytestmark = pytest.mark.usefixtures("no_bars")
PAIRS = make_pairs(16)
TEXT = {
    "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2,
    "num_key_value_heads": 1, "head_dim": 16, "max_position_embeddings": 256, "initializer_range": 0.2,
}  # fmt: skip
EYE = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}


def gemma(vocabulary):
    return transformers.Gemma3Config(
        text_config={**TEXT, **vocabulary, "sliding_window": 16},
        vision_config={**EYE, "image_size": 28, "patch_size": 14}, mm_tokens_per_image=4,
    )  # fmt: skip


def qwen(vocabulary):
    text = {**TEXT, **vocabulary, "linear_num_key_heads": 2, "linear_num_value_heads": 2, "linear_key_head_dim": 8,
            "linear_value_head_dim": 8, "layer_types": ["linear_attention", "full_attention"]}  # fmt: skip
    eye = {"hidden_size": 16, "intermediate_size": 16, "depth": 1, "num_heads": 2, "out_hidden_size": 32}
    return transformers.Qwen3_5Config(text_config=text, vision_config=eye)


KINDS = {
    "Gemma3ForConditionalGeneration": (gemma, ("vision_tower", "multi_modal_projector"), "sliding_attention"),
    "Qwen3_5ForConditionalGeneration": (qwen, ("visual",), "linear_attention"),
}


@pytest.fixture(scope="module", params=KINDS)
def folder(request, tmp_path_factory):
    """A multimodal language model as people publish it."""
    where = tmp_path_factory.mktemp("multimodal") / request.param
    tokenizer = RewardModel.from_pretrained("tiny-decoder", device="cpu").tokenizer
    vocabulary = {
        "vocab_size": len(tokenizer), "eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": None,
    }  # fmt: skip
    with torch.random.fork_rng(), quiet_transformers():
        torch.manual_seed(0)
        config = KINDS[request.param][0](vocabulary)
        getattr(transformers, request.param)(config).save_pretrained(where)
        tokenizer.save_pretrained(where)
    return request.param, where


@pytest.mark.parametrize("way", [{}, {"lora": 2}], ids=["whole", "lora"])
def test_the_text_part_is_taken_trained_saved_and_named(folder, way, tmp_path):
    kind, where = folder
    _, aside, layers = KINDS[kind]
    model = RewardModel.from_pretrained(where, device="cpu")
    assert model.head_source.fresh
    assert set(model.set_aside) == set(aside)
    shown = describe(model, kind)
    assert all(name in shown.architecture for name in aside)
    assert "2 layers, 32 wide" in shown.architecture
    assert layers in str(shown.packing_fault)
    before = weights(model)
    train(model, PAIRS, config=TrainingConfig(max_steps=2, batch_size=8, **FP32, **way), progress=False)
    changed = {name for name, tensor in weights(model).items() if not torch.equal(tensor, before[name])}
    assert changed
    assert not {name for name in changed if any(f".{part}." in name for part in aside)}
    saved = model.save_pretrained(tmp_path / "model")
    again = RewardModel.from_pretrained(saved, fresh_head=False, device="cpu")
    np.testing.assert_array_equal(again.score_differences(PAIRS), model.score_differences(PAIRS))
    prompts, responses = [p.prompt for p in PAIRS], [p.chosen for p in PAIRS]
    encoded = again.encode(prompts, responses)
    with quiet_transformers(), torch.no_grad():
        network = transformers.AutoModelForSequenceClassification.from_pretrained(saved).eval()
        rows = again.tokenizer.pad({"input_ids": list(encoded)}, return_tensors="pt")
        logits = network(**rows).logits[:, 0]
    np.testing.assert_allclose(again.score(prompts, responses), logits.numpy(), atol=1e-4)
