"""The benchmarks' own arithmetic."""

import importlib
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from rmlab.model import RewardModel

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.mark.parametrize("name", ["tiny-decoder", "tiny-encoder"])
def test_operations_of_a_step_are_those_that_torch_counts(name, monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    operations = importlib.import_module("_operations")
    model = RewardModel.from_pretrained(name, device="cpu")
    model.network.set_attn_implementation("eager")  # whose products of matrices torch counts one by one
    rows, length = 3, 40
    ids = torch.randint(5, 100, (rows, length), generator=torch.Generator().manual_seed(0))
    with FlopCounterMode(display=False) as counter:
        model(ids, torch.ones_like(ids)).sum().backward()
    counted = operations.training_operations(model, tokens=rows * length, looks=rows * length**2)
    assert counted == pytest.approx(counter.get_total_flops(), rel=0.01)  # embeddings, pooler and head aside
