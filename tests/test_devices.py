"""Nothing is float64 where a device has none: a stand-in for MPS refuses every tensor of it."""

from typing import Any

import numpy as np
import pytest
import torch
from test_training import FP32, fresh, make_pairs
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter

from rmlab.attribution import attribute
from rmlab.audit import audit
from rmlab.data import PreferencePair
from rmlab.model import RewardModel, devices
from rmlab.training import TrainingConfig, fit_head, load_checkpoint, train


class NoFloat64(TorchDispatchMode):
    """Refuses to compute with float64, as MPS does; stricter, since it refuses it on the CPU too."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for value in tree_iter((args, kwargs, out)):
            if isinstance(value, torch.Tensor) and value.dtype in (torch.float64, torch.complex128):
                raise TypeError(f"{func}: Cannot convert a MPS Tensor to float64 dtype")
        return out


@pytest.fixture
def without_float64(monkeypatch):
    """Let the CPU be a device without float64."""
    monkeypatch.setattr(devices, "WITHOUT_FLOAT64", frozenset({"cpu"}))
    with NoFloat64():
        yield


def pairs_with_margins():
    return [PreferencePair(p.prompt, p.chosen, p.rejected, margin=0.1 * i) for i, p in enumerate(make_pairs(16))]


def test_the_stand_in_refuses_what_mps_refuses(without_float64):
    with pytest.raises(TypeError, match="float64"):
        torch.from_numpy(np.zeros(2)) + 1
    with pytest.raises(TypeError, match="float64"):
        torch.zeros(2).double()


SETTINGS = [
    {"centering": 0.01, "label_smoothing": 0.1, "gradient_accumulation": 2},
    {"packing": "off", "schedule": "linear"},
    {"lora": 2},
    {"precision": "bf16"},
]


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda settings: next(iter(settings)))
def test_training_and_its_checkpoints_put_no_float64_on_the_device(without_float64, tmp_path, settings):
    config = TrainingConfig(max_steps=2, batch_size=8, evaluate_every=1, checkpoint_every=1, **{**FP32, **settings})
    model = fresh()
    pairs = pairs_with_margins()
    history = train(model, pairs, held_out=pairs[:4], config=config, checkpoints=tmp_path / "kept", progress=False)
    assert len(history.steps) == 2
    longer = TrainingConfig(**{**vars(config), "max_steps": 3})
    again = train(
        fresh(), pairs, held_out=pairs[:4], config=longer, checkpoints=tmp_path / "kept", resume=True, progress=False
    )
    assert again.resumed_at == (2,)
    assert load_checkpoint(fresh(), tmp_path / "kept") == 3


def test_scores_audits_and_attributions_put_no_float64_on_the_device(without_float64, tmp_path):
    model = RewardModel.from_pretrained("tiny-decoder", device="cpu", n_heads=2)
    assert np.isfinite(model.score_differences(make_pairs(4), uncertainty=True)).all()
    fit_head(fresh(), make_pairs(8))
    for method in ("leave-one-out", "integrated-gradients"):
        assert attribute(model, "Name a colour.", "Blue, I think.", method=method).complete is not None
    assert audit(model, make_pairs(4)).results
    saved = model.save_pretrained(tmp_path / "model")
    assert RewardModel.from_pretrained(saved, device="cpu").n_heads == 2


def test_the_mean_of_a_step_is_as_exact_as_the_device_allows():
    assert devices.widest_float(torch.device("cpu")) == torch.float64
    assert devices.widest_float(torch.device("mps")) == torch.float32
    assert devices.to_numpy(torch.tensor([0.1], dtype=torch.bfloat16)).dtype == np.float64
    like = torch.zeros(1, dtype=torch.float64)
    assert devices.on_device([0.1], like=like).item() == 0.1
