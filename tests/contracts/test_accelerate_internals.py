"""What rmlab takes from the inside of accelerate is still there, and does what it did."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from rmlab._compat.accelerate_internals import processes_asked_for


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--num_processes", "3", "train.py"], 3),
        (["--num_processes=2", "--num_machines", "1", "-m", "rmlab", "train"], 2),
        (["--num_processes", "4", "--num_machines", "2", "train.py"], None),
    ],
)
def test_the_number_of_processes_is_read_from_the_words(words: list[str], expected: int | None) -> None:
    assert processes_asked_for(words) == expected


def test_the_number_of_processes_is_read_from_a_configuration(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(
        "compute_environment: LOCAL_MACHINE\ndistributed_type: MULTI_CPU\nnum_machines: 1\nnum_processes: 5\n"
        "use_cpu: true\nmixed_precision: 'no'\ndebug: false\n"
    )
    assert processes_asked_for(["--config_file", str(file), "train.py"]) == 5


@pytest.mark.slow
def test_a_model_is_shared_out_in_full_precision() -> None:
    source = """
        import torch
        import torch.distributed as dist
        from accelerate import Accelerator
        from torch.distributed.fsdp import FSDPModule
        from torch.distributed.tensor import DTensor

        from rmlab._compat.accelerate_internals import shard
        from rmlab._compat.transformers_internals import layers_kept_whole
        from rmlab.model.backbones import load_network

        accelerator = Accelerator(cpu=True)
        network = load_network("tiny-decoder", seed=0).network
        shard(accelerator, network, whole=layers_kept_whole(network))
        parts = list(network.parameters())
        layers = [module for module in network.modules() if isinstance(module, FSDPModule)]
        if accelerator.process_index == 0:
            print(all(isinstance(p, DTensor) for p in parts), {p.dtype for p in parts}, len(layers) > 1)
        dist.destroy_process_group()
    """
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "--no-python"]
    environment_words = ["env", "ACCELERATE_USE_CPU=true", "ACCELERATE_USE_FSDP=true", "FSDP_VERSION=2"]
    done = subprocess.run(
        [*command, *environment_words, sys.executable, "-c", textwrap.dedent(source)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.splitlines() == ["True {torch.float32} True"]
