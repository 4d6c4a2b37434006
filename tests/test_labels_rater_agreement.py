"""What judgements say of their raters: against published and independent figures, and against planted faults."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from rmlab.evaluation import noise_ceiling
from rmlab.labels import Judgement, agreement, find_camps, krippendorff_alpha
from rmlab.labels.camps import _permuted, one_hot, share_agreeing
from rmlab.labels.rater_agreement import Estimate, _extra_agreements, _mean, side_share
from rmlab.preference import preference_probability

N_SIMULATIONS = 500


def judgements(preferred: np.ndarray, swapped: np.ndarray, *, session: str = "") -> list[Judgement]:
    """Entries of raters r0, r1, ... about pairs, from +1, 0, -1 and NaN: shape ``(n_raters, n_pairs)``."""
    entries = []
    for rater, row in enumerate(preferred):
        for pair in np.flatnonzero(~np.isnan(row)):
            side = {1.0: ("left", "right"), -1.0: ("right", "left"), 0.0: ("tie", "tie")}[row[pair]][
                swapped[rater, pair]
            ]
            n = int(pair) + 1
            entries.append(
                Judgement(f"{session}s{rater}", n, f"k{n}", n, f"r{rater}", f"{pair:016x}", bool(swapped[rater, pair]),
                          side, 2.0, "random", f"2026-01-01T00:00:{len(session):02}+00:00")  # type: ignore[arg-type]
            )  # fmt: skip
    return entries


def drawn(rng: np.random.Generator, d: np.ndarray) -> np.ndarray:
    return np.where(rng.random(d.shape) < preference_probability(d), 1.0, -1.0)


# Published and independent figures


def test_alpha_of_krippendorff_s_example() -> None:
    """Krippendorff (2011), Computing Krippendorff's alpha-reliability, C: nominal data, four observers, alpha .743."""
    rows = ["1 2 3 3 2 1 4 1 2 . . .", "1 2 3 3 2 2 4 1 2 5 . 3", ". 3 3 3 2 3 4 2 2 5 1 .", "1 2 3 3 2 4 4 1 2 5 1 ."]
    values = np.array([[float(v) if v != "." else np.nan for v in row.split()] for row in rows])
    found = krippendorff_alpha(values)
    assert found is not None
    assert found.value == pytest.approx(0.743, abs=5e-4)
    assert (found.lower < found.value < found.upper, found.n_pairs) == (True, 11)


def test_alpha_from_a_coincidence_matrix() -> None:
    rng = np.random.default_rng(0)
    values = rng.choice([-1.0, 0.0, 1.0, np.nan], size=(5, 40))
    coincidences = np.zeros((3, 3))
    for unit in values.T:
        given = unit[~np.isnan(unit)]
        for i in range(len(given)):
            for j in range(len(given)):
                if i != j:
                    coincidences[int(given[i]) + 1, int(given[j]) + 1] += 1 / (len(given) - 1)
    n, total = coincidences.sum(axis=0), coincidences.sum()
    observed = 1 - np.trace(coincidences) / total
    expected = 1 - (n * (n - 1)).sum() / (total * (total - 1))
    found = krippendorff_alpha(values)
    assert found is not None
    assert found.value == pytest.approx(1 - observed / expected)


def test_nothing_is_claimed_of_judgements_that_are_all_alike() -> None:
    assert krippendorff_alpha(np.ones((3, 20))) is None
    assert krippendorff_alpha(np.array([[1.0, np.nan], [np.nan, 1.0]])) is None


def test_raw_agreement_counts_couples_of_raters() -> None:
    preferred = np.array([[1, 1, 0, np.nan], [1, -1, 0, 1], [-1, -1, 1, 1], [1, np.nan, 0, np.nan]], dtype=float)
    np.testing.assert_allclose(share_agreeing(one_hot(preferred)), [1 / 2, 1 / 3, 1 / 2, 1])
    found = agreement(judgements(preferred, np.zeros((4, 4), dtype=int)))
    assert found.raw is not None
    assert found.raw.value == pytest.approx(7 / 12)
    votes = np.stack([(preferred == 1).sum(axis=0), (preferred == -1).sum(axis=0)], axis=1)
    assert found.ceiling == noise_ceiling(votes)


def test_what_comes_back_is_compared_with_the_first_judgement() -> None:
    once = np.array([[1.0, 1, -1, 0, 1, np.nan]])
    twice = np.array([[1.0, -1, -1, 0, np.nan, 1]])
    entries = judgements(once, np.zeros((1, 6), dtype=int))
    entries += judgements(twice, np.ones((1, 6), dtype=int), session="again")
    found = agreement(entries)
    assert found.consistency is not None
    assert (found.consistency.value, found.consistency.n_pairs) == (0.75, 4)
    assert (found.n_raters, found.n_pairs, found.n_judgements) == (1, 6, 10)
    assert (found.raw, found.alpha, found.ceiling, found.camps) == (None, None, None, None)


def test_nothing_judged_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing was judged"):
        agreement([])


# Planted faults, and the coverage of their intervals


def coverage(
    truth: float, draw: Callable[[np.random.Generator], Estimate | tuple[float, float, float] | None]
) -> float:
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(N_SIMULATIONS):
        found = draw(rng)
        assert found is not None
        _, lower, upper = (found.value, found.lower, found.upper) if isinstance(found, Estimate) else found
        hits += lower <= truth <= upper
    return hits / N_SIMULATIONS


def on_average(spread: float) -> tuple[np.ndarray, np.ndarray]:
    """Differences at the nodes of a normal distribution, and their weights."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    return spread * nodes, weights / weights.sum()


def test_a_planted_side_bias_is_found_and_covered() -> None:
    d, weights = on_average(1.5)
    truth = float(weights @ preference_probability(d + 0.8))

    def draw(rng: np.random.Generator) -> Estimate | None:
        gaps = np.repeat(rng.normal(0, 1.5, 60), 2)[:66]  # six of the pairs come back
        pairs = np.repeat(np.arange(60), 2)[:66]
        once = np.concatenate([np.arange(0, 66, 2), np.arange(1, 12, 2)])
        sides = np.where(np.arange(66) % 2, -1, 1) * np.repeat(rng.choice([-1, 1], 33), 2)  # swapped when it comes back
        gaps, pairs, sides = gaps[once], pairs[once], sides[once]
        return side_share((drawn(rng, sides * gaps + 0.8) == 1).astype(float), pairs)

    assert truth > 0.6
    assert 0.93 <= coverage(truth, draw) <= 0.97


def test_a_rater_with_a_side_is_named_and_the_others_are_not() -> None:
    rng = np.random.default_rng(3)
    d, swapped = rng.normal(0, 1.5, 120), rng.integers(2, size=(6, 120))
    bias = np.array([1.6, 0, 0, 0, 0, -1.6])[:, None]
    preferred = drawn(rng, d + np.where(swapped, -bias, bias))
    sides = [record.side for record in agreement(judgements(preferred, swapped)).raters]
    assert sides == ["left", None, None, None, None, "right"]


def careless(rng: np.random.Generator, n_pairs: int = 60, n_raters: int = 6) -> np.ndarray:
    """Raters who follow the same differences, but for the first, who tosses a coin."""
    d = np.tile(rng.normal(0, 2.0, n_pairs), (n_raters, 1))
    d[0] = 0.0
    return drawn(rng, d)


def test_a_planted_careless_rater_is_found_and_covered() -> None:
    d, weights = on_average(2.0)
    p = preference_probability(d)
    truth = 0.5 - float(weights @ (p**2 + (1 - p) ** 2))
    assert 0.93 <= coverage(truth, lambda rng: _mean(_extra_agreements(one_hot(careless(rng)))[0])) <= 0.97
    found = agreement(judgements(careless(np.random.default_rng(1), 120), np.zeros((6, 120), dtype=int)))
    assert [record.stands_apart for record in found.raters] == [True, False, False, False, False, False]
    assert found.camps is None or not found.camps.clear


def two_camps(rng: np.random.Generator, n_pairs: int = 80, gap: float = 1.0) -> np.ndarray:
    """Eight raters who share a taste, and of whom the last three differ from the others in another one."""
    shared, apart = rng.normal(0, 1.5, n_pairs), gap * rng.normal(0, 1.5, n_pairs)
    return drawn(rng, np.array([shared + (apart if rater < 5 else -apart) for rater in range(8)]))


def agreement_of_two(gap: float) -> tuple[float, float]:
    """How often two raters of `two_camps` agree: of one camp, and of two."""
    d, weights = on_average(1.5)
    one, other = preference_probability(d[:, None] + gap * d), preference_probability(d[:, None] - gap * d)
    both = np.outer(weights, weights)
    same, across = one**2 + (1 - one) ** 2, one * other + (1 - one) * (1 - other)
    return float((both * same).sum()), float((both * across).sum())


def gap_of(members: tuple[tuple[str, ...], tuple[str, ...]], of_one_camp: float, of_two: float) -> float:
    """The true gap of reported camps of `two_camps`, some of whose members may be on the wrong side."""
    larger, smaller = (np.array([name in NAMES[5:] for name in part]) for part in members)
    within = np.where(smaller[:, None] == smaller, of_one_camp, of_two)[~np.eye(len(smaller), dtype=bool)].mean()
    return float(within - np.where(smaller[:, None] == larger, of_one_camp, of_two).mean())


NAMES = tuple("abcdefgh")


@pytest.mark.slow
@pytest.mark.parametrize(("gap", "clear"), [(0.5, 0.1), (0.75, 0.4), (1.2, 0.98)])
def test_the_gap_of_reported_camps_is_covered_whether_it_is_small_or_large(gap: float, clear: float) -> None:
    """Of all divisions, and of those alone that are called clear, since the interval does not decide what is clear."""
    rng, of_two = np.random.default_rng(0), agreement_of_two(gap)
    covered, is_clear = [], []
    for _ in range(N_SIMULATIONS):
        found = find_camps(two_camps(rng, gap=gap), NAMES)
        if found is not None:
            covered.append(found.gap[1] <= gap_of(found.members, *of_two) <= found.gap[2])
            is_clear.append(found.clear)
    assert len(covered) > 0.8 * N_SIMULATIONS
    assert 0.93 <= np.mean(covered) <= 0.97
    assert np.mean(is_clear) > clear
    of_clear = np.array(covered)[is_clear]
    assert abs(of_clear.mean() - 0.95) < max(0.02, 2.5 * np.sqrt(0.95 * 0.05 / len(of_clear)))


def test_two_planted_camps_are_found() -> None:
    rng = np.random.default_rng(0)
    found = [find_camps(two_camps(rng, gap=1.2), NAMES) for _ in range(50)]
    right = [one is not None and one.clear and one.members == (NAMES[:5], NAMES[5:]) for one in found]
    assert sum(right) >= 45


def one_taste(rng: np.random.Generator, *decided: float, n_pairs: int = 80) -> np.ndarray:
    """Eight raters of one taste, who follow it more or less: with 0, not at all."""
    return drawn(rng, np.outer(decided, rng.normal(0, 2.0, n_pairs)))


@pytest.mark.slow
@pytest.mark.parametrize(
    "decided", [(1,) * 8, (0, 0, 1, 1, 1, 1, 1, 1), (0, 0, 0, 1, 1, 1, 1, 1), (0.3, 0.3, 0.3, 0.3, 0.3, 2, 2, 2)]
)
def test_camps_are_hardly_ever_found_where_there_are_none(decided: tuple[float, ...]) -> None:
    rng = np.random.default_rng(2)
    found = [find_camps(one_taste(rng, *decided), NAMES) for _ in range(N_SIMULATIONS)]
    assert sum(one is not None and one.clear for one in found) <= 0.07 * N_SIMULATIONS, "0.05, and twice its error"


def test_a_judgement_that_is_missing_stays_so_when_judgements_are_permuted() -> None:
    rng = np.random.default_rng(4)
    preferred = rng.choice([-1.0, 0.0, 1.0, np.nan], size=(6, 30))
    moved = _permuted(preferred, 50, rng)
    assert (np.isnan(moved) == np.isnan(preferred)).all()
    np.testing.assert_array_equal(np.sort(moved, axis=1), np.broadcast_to(np.sort(preferred, axis=0), moved.shape))
    assert len({one.tobytes() for one in moved}) == 50


def test_raters_of_few_pairs_are_not_divided() -> None:
    rng = np.random.default_rng(5)
    assert find_camps(two_camps(rng, n_pairs=29, gap=3.0), NAMES) is None
    found = find_camps(two_camps(rng, n_pairs=30, gap=3.0), NAMES)
    assert found is not None
    assert (found.n_pairs, found.members) == (15, (NAMES[:5], NAMES[5:]))


def test_alpha_and_raw_agreement_cover() -> None:
    d, weights = on_average(1.5)
    p = preference_probability(d)
    truth = float(weights @ (p**2 + (1 - p) ** 2))

    def panel(rng: np.random.Generator) -> np.ndarray:
        return drawn(rng, np.tile(rng.normal(0, 1.5, 60), (4, 1)))

    def raw(rng: np.random.Generator) -> Estimate | None:
        return _mean(share_agreeing(one_hot(panel(rng))))

    assert 0.93 <= coverage(truth, raw) <= 0.97
    # two categories, each half of the judgements: by chance one half agrees
    alpha = coverage(2 * truth - 1, lambda rng: krippendorff_alpha(panel(rng), n_bootstrap=400))
    assert 0.93 <= alpha <= 0.97


def test_who_judged_nothing_with_others_is_in_no_camp_and_a_skip_is_no_judgement() -> None:
    preferred = np.full((8, 120), np.nan)
    preferred[:3, :80] = np.where(np.arange(80) % 3 > 0, 1.0, -1.0)
    preferred[3:6, :80] = -preferred[0, :80]
    preferred[6, 80:] = 1.0  # nobody else judged these
    preferred[7, :80] = 1.0
    swapped = np.zeros(preferred.shape, dtype=int)
    entries = [replace(one, verdict="skip") if one.rater == "r7" else one for one in judgements(preferred, swapped)]
    camps = agreement(entries).camps
    assert camps is not None
    assert sorted(map(sorted, camps.members)) == [["r0", "r1", "r2"], ["r3", "r4", "r5"]]
    one = judgements(preferred[:1], swapped[:1])
    found = agreement([*one[:10], *(replace(entry, verdict="skip") for entry in one[10:])])
    assert (found.n_judgements, found.n_pairs, found.n_skips) == (10, 10, 70)
