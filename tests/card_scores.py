"""What the course's models say of the texts behind the figures of their card, kept so that no test scores 11,000 texts.

    python tests/card_scores.py        # scores them again, for new models or new texts: some ten minutes of one core

A test scores some of them, drawn at random, with the models.
"""

from pathlib import Path

import numpy as np

from rmlab.data import PreferencePair, PreferencePairs
from rmlab.datasets import course_model
from rmlab.datasets.recorded import texts_sha256
from rmlab.simulate.replies import CONTRASTS, reply_contrast, simulate_reply_pairs

KEPT = Path(__file__).with_suffix(".npz")
COURSE_JUDGES = ("fair", "flattered")
PAIRS = "pairs"


def asked() -> dict[str, PreferencePairs]:
    """Return 2,000 pairs of fresh questions, and, by attribute, fresh replies with it and without it."""
    contrasts = {attribute: reply_contrast(attribute, fresh=True) for attribute in CONTRASTS}
    return {PAIRS: simulate_reply_pairs(2000, seed=1, fresh=True).pairs} | {
        attribute: PreferencePairs.from_list(
            [PreferencePair(*texts) for texts in zip(one.prompts, one.with_it, one.without, strict=True)]
        )
        for attribute, one in contrasts.items()
    }


def card_differences() -> dict[str, dict[str, np.ndarray]]:
    """Return the score differences of what is `asked`, float64 in nats, by judge and by what was asked."""
    texts = asked()
    with np.load(KEPT) as kept:
        hashes = [texts_sha256(pairs) for pairs in texts.values()]
        assert kept["texts"].tolist() == hashes, "other texts? python tests/card_scores.py"
        ends = np.cumsum([len(pairs) for pairs in texts.values()])[:-1]
        return {
            judge: dict(zip(texts, np.split(kept[judge].astype(float), ends), strict=True)) for judge in COURSE_JUDGES
        }


def main() -> None:
    texts = asked()
    differences = {
        judge: np.concatenate([model.score_differences(pairs) for pairs in texts.values()])
        for judge, model in ((judge, course_model(judge)) for judge in COURSE_JUDGES)
    }
    np.savez_compressed(KEPT, texts=[texts_sha256(pairs) for pairs in texts.values()], **differences)


if __name__ == "__main__":
    main()
