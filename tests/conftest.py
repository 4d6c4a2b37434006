"""What every test shares: no hub, one thread (results do not depend on the cores), no display, fixed examples."""

import os

os.environ["HF_HUB_OFFLINE"] = "1"
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ["MPLBACKEND"] = "agg"

from hypothesis import settings  # noqa: E402

# A busy machine is no failure, and a run that failed once fails again.
settings.register_profile("rmlab", deadline=None, derandomize=True)
settings.load_profile("rmlab")
