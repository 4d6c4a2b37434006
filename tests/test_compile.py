"""Layers that are compiled for a run: the same run, and a model as it was before."""

import dataclasses
import os

import numpy as np
import pytest
import torch
from torch._dynamo.utils import counters

from rmlab.model import RewardModel
from rmlab.simulate import simulate_text_pairs
from rmlab.training import TrainingConfig, TrainingError, mode, training_steps

# torch's own, when it traces
pytestmark = pytest.mark.filterwarnings(
    "ignore:`torch.jit:DeprecationWarning", "ignore:The .grad attribute:UserWarning"
)

PAIRS = list(simulate_text_pairs(40, seed=0).pairs)
CONFIG = TrainingConfig(max_steps=4, batch_size=6, precision="fp32", learning_rate=1e-3, evaluate_every=2)


MORE_OPTIONS = ({"gradient_checkpointing": True}, {"lora": 2}, {"packing": "off"})


def run_of(name: str, config: TrainingConfig):
    """Train a tiny model; give its losses, the held-out differences, and the model."""
    model = RewardModel.from_pretrained(name, seed=0, device="cpu")
    run = training_steps(model, PAIRS[:30], held_out=PAIRS[30:], config=config)
    losses = [step.loss for step in run]
    return losses, np.stack([e.score_differences for e in run.history.evaluations]), model


def assert_same_run(name: str, config: TrainingConfig) -> None:
    torch.compiler.reset()
    counters.clear()
    losses, differences, model = run_of(name, dataclasses.replace(config, compile=True))
    assert counters["stats"]["unique_graphs"] >= 1
    counters.clear()
    expected, others, _ = run_of(name, config)
    np.testing.assert_allclose(losses, expected, atol=1e-5)
    np.testing.assert_allclose(differences, others, atol=1e-4)
    model.score(["a question"], ["an answer"])
    assert counters["stats"]["unique_graphs"] == 0  # nothing stays compiled


@pytest.mark.parametrize("name", ["tiny-decoder", pytest.param("tiny-encoder", marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "options",
    [
        {},
        *(
            pytest.param(o, marks=pytest.mark.slow)
            for o in ({"gradient_checkpointing": True}, {"lora": 2}, {"packing": "off"})
        ),
    ],
)
def test_a_compiled_run_is_the_same_run(name, options):
    with torch.compiler.set_stance(force_backend="eager"):  # traced, but not made into kernels
        assert_same_run(name, dataclasses.replace(CONFIG, **options))


@pytest.mark.slow
def test_so_it_is_with_kernels():
    assert_same_run("tiny-decoder", CONFIG)


def test_without_a_compiler_it_is_an_error_that_says_so(monkeypatch):
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", os.devnull)
    with pytest.raises(TrainingError, match=r"C\+\+ compiler.*g\+\+"):
        run_of("tiny-decoder", dataclasses.replace(CONFIG, compile=True))


def test_compilation_and_fsdp_are_refused_together(monkeypatch):
    monkeypatch.setattr(mode, "is_sharded", lambda: True)
    with pytest.raises(TrainingError, match=r"compile .*FSDP"):
        run_of("tiny-decoder", dataclasses.replace(CONFIG, compile=True))
