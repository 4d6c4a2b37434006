"""What every test shares: no hub, one thread (results do not depend on the cores), no display, fixed examples."""

import os
from collections.abc import Iterator

os.environ["HF_HUB_OFFLINE"] = "1"
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ["MPLBACKEND"] = "agg"

import pytest  # noqa: E402
from hypothesis import settings  # noqa: E402

# A busy machine is no failure, and a run that failed once fails again.
settings.register_profile("rmlab", deadline=None, derandomize=True)
settings.load_profile("rmlab")


LONGEST = ("processes", "faults", "onnx_export", "training", "checkpoints", "robustness", "live_ids", "explorer_live")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the longest files to the front, so that no process is busy with one when the others have ended."""
    places = {f"test_{name}.py": place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.name, len(places)))


@pytest.fixture
def no_bars() -> Iterator[None]:
    """Switch off the progress bars of `datasets`, which TRL shows."""
    import datasets

    datasets.disable_progress_bars()
    yield
    datasets.enable_progress_bars()
