"""What the site's scripts do in place of Python: the session of grey patches, and which frame a setting has."""

from __future__ import annotations

import json

import pytest
from test_explorer_scripts import node

from rmlab.course.patches import GREYS, N_RATINGS, PatchJudgements, simulate_patch_judgements
from rmlab.simulate import Rater

SESSION = """
import { patchModel, sameOrder } from "./parts/patch_session.js";
async function main() {
  let now = 0;
  let seed = 7;
  const random = () => { seed = (seed * 16807) % 2147483647; return seed / 2147483647; };
  const parts = ["ratings", "comparisons", "ratings", "comparisons"];
  const model = patchModel({ greys: GREYS, parts, seconds: 30, ratings: 9 }, { now: () => now, random });
  const shown = [];
  while (model.get("choices").length) {
    const [greys, choices] = [model.get("greys"), model.get("choices")];
    shown.push([greys, choices.length, model.get("line")]);
    now += 2;
    const screen = model.get("screen");
    // the lighter one is the lighter one, and a rating follows the lightness
    const rating = Math.round(1 + (8 * (greys[0] - 108)) / 28);
    const value = { 1: null, 2: Number(greys[1] > greys[0]) }[choices.length] ?? (greys.length ? rating : null);
    model.send({ screen, value });
    model.send({ screen, value }); // a second click on the same screen is no answer
  }
  give([shown, model.get("line")]);
}
"""


def test_a_session_of_patches_without_a_kernel_asks_what_the_kernel_would() -> None:
    shown, line = json.loads(json.dumps(node(SESSION.replace("GREYS", json.dumps(GREYS)))))
    parts = [i for i, (greys, *_) in enumerate(shown) if not greys]
    assert len(parts) == 4, "each part is begun by its reader"
    questions = [
        [greys for greys, *_ in shown[a + 1 : b]] for a, b in zip(parts, [*parts[1:], len(shown)], strict=True)
    ]
    assert [len(each) for each in questions] == [15] * 4, "30 seconds, 2 for an answer"
    assert sorted(greys for (greys,) in questions[0][: len(GREYS)]) == list(GREYS), "each patch once before any again"
    first, second = (questions[1], questions[3])
    assert {tuple(each[::-1]) for each in first} == {tuple(each) for each in second}, "left and right exchanged"
    assert {n for _, n, _ in shown} == {1, 2, N_RATINGS}
    assert "your comparisons agreed with each other on 100%, and your ratings on 100%" in line


@pytest.mark.parametrize("seed", range(3))
def test_how_often_the_same_order_was_given_is_that_of_python(seed: int) -> None:
    judged = simulate_patch_judgements(Rater(noise=1.5), seed=seed, seconds_per_comparison=0.5)
    parts = ["ratings", "comparisons", "ratings", "comparisons"]
    answers = [judged.ratings[0], judged.comparisons[0], judged.ratings[1], judged.comparisons[1]]
    source = f"""
import {{ sameOrder }} from "./parts/patch_session.js";
async function main() {{
  give(sameOrder({json.dumps(parts)}, {json.dumps(answers)}.map((part) => part.map(([a, b]) => [a, b]))));
}}
"""
    assert isinstance(judged, PatchJudgements)
    assert node(source) == pytest.approx(list(judged.same_order()))


def test_the_frame_of_a_setting_is_that_of_the_nearest_one() -> None:
    source = """
import { nearest } from "./site.js";
async function main() {
  give([nearest([0, 0.5, 1], 0.6), nearest([false, true], true), nearest([3, 5, 7], 0), nearest([0, 1, 2], 2)]);
}
"""
    assert node(source) == [1, 1, 0, 2]
