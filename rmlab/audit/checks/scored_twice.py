"""Checks that score the same texts in two ways: the scores must not differ."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np

from rmlab.audit.audited_model import Text, Tokens
from rmlab.audit.context import Context, broken, check, distance, kept, not_applicable
from rmlab.audit.results import CheckResult, Example
from rmlab.audit.shrink import shrink
from rmlab.data import Side

__all__ = ["CHECKS"]

COMPARED_PAIRS = 16
"""How many pairs have their responses swapped."""

Scorer = Callable[[Sequence[Tokens]], np.ndarray]
"""Returns a score for each text of a batch."""


@check(
    "repeat",
    remedy="call network.eval(); if it is in that mode already, look for dropout or noise in its forward",
    needs=["scores"],
)
def repeat(context: Context) -> CheckResult:
    """Check that a text scored twice has one score.

    Dropout that stays on, because nobody called ``eval()`` or the network calls ``dropout`` as a function, makes each
    score random. Training hides it; evaluation then differs from run to run, and best-of-n picks the luckiest score.
    """
    if (worst := float(context.repeat_gap.max())) <= context.tolerance:
        return kept(f"the same text twice differs by {worst:.1g} at most")

    seen: list[float] = []

    def is_broken(parts: tuple[Side, ...]) -> bool:
        tokens = context.audited.read([(parts[0], parts[1])]).tokens
        # eight: two draws of dropout may happen to agree
        scores = [float(context.audited.scores(tokens)[0]) for _ in range(8)]
        if differ := not max(scores) - min(scores) <= context.tolerance:
            seen[:] = min(scores), max(scores)
        return differ

    text = context.compared[int(context.repeat_gap.argmax())].text
    mode = " (the network is in training mode)" if context.audited.network.training else ""
    found = f"the same text twice differs by up to {worst:.3g}{mode}"
    if not is_broken(text):
        return broken(f"{found}, though not each time")
    parts = shrink(text, is_broken)
    return broken(found, Example(_text(parts), {"one score": seen[0], "another": seen[1]}))


@check(
    "reload",
    issues=["trl#578", "sentence-transformers#3980"],
    remedy="save the head with the rest (with adapters: modules_to_save=['score']), under the name it is loaded by",
    needs=["scores"],
)
def reload(context: Context) -> CheckResult:
    """Check that a model that is saved and loaded gives the same scores.

    A head that was trained but not saved, as happens with adapters and with custom heads, is drawn at random when the
    folder is loaded. transformers prints one line about it, the scores look normal, and accuracy is that of a coin. The
    tokenizer may change too: AutoTokenizer chooses the class that goes with the network.
    """
    missing = context.audited.random_weights
    if not missing and (context.repeat_gap > context.tolerance).any():
        return not_applicable("a text scored twice has two scores, so nothing can be compared; see repeat")
    again = context.audited.reload()
    tokens = again.read([row.text for row in context.compared]).tokens
    gaps = distance(reloaded := again.alone(tokens), np.array([row.score for row in context.compared]))
    worst = float(gaps.max())
    if worst <= context.tolerance and not missing:
        return kept(f"saved and loaded again, scores differ by {worst:.1g} at most")
    found = f"saved and loaded again, scores differ by up to {worst:.3g}"
    reread = [
        list(a["input_ids"]) != list(row.tokens["input_ids"]) for a, row in zip(tokens, context.compared, strict=True)
    ]
    if any(reread):
        found += f", since the tokenizer reads {sum(reread)} of {len(reread)} texts as other tokens"
    if missing:
        names = ", ".join(missing[:3]) + (", ..." if len(missing) > 3 else "")
        found = f"{len(missing)} weights are not in the folder and are drawn at random: {names}"
    shown = min(
        (i for i, gap in enumerate(gaps) if gap > context.tolerance),
        key=lambda i: len(context.compared[i].tokens["input_ids"]),
        default=int(gaps.argmax()),
    )
    row = context.compared[shown]
    return broken(found, Example(_text(row.text), {"score": row.score, "loaded again": float(reloaded[shown])}))


@check(
    "batch size",
    issues=["reward-bench#137", "transformers#35352", "trl#5813"],
    remedy="give tokenizer and network.config the same pad token, pass the attention mask, pool the last real token",
    needs=["scores", "steady"],
)
def batch_size(context: Context) -> CheckResult:
    """Check that a text has the same score alone and in a batch of any size.

    If the tokenizer pads with one id and the network looks for another, it reads the score at a pad token, and only
    texts shorter than their neighbours are affected: reward-bench#137 saw 0.429, 0.476 and 0.480 at batches of 1, 2
    and 3. A network without a pad id refuses a batch altogether.
    """
    if context.batch_error is not None:
        by_length = sorted(context.compared, key=lambda row: len(row.tokens["input_ids"]))
        two = shrink((*by_length[0].text, *by_length[-1].text), lambda parts: _raises(context, parts))
        return broken(f"a batch of two fails with {context.batch_error}", Example(_two(two), {}))
    return _two_ways(
        context,
        context.alone,
        context.audited.scores,
        what="in batches of 1, 2, 3 and 8, scores",
        names=("alone", "beside the other"),
        sizes=(2, 3, 8),
    )


@check(
    "order",
    issues=["reward-bench#137"],
    remedy="score rows independently: no statistics over the batch, no cache kept from row to row",
    needs=["scores", "steady", "batches"],
)
def order(context: Context) -> CheckResult:
    """Check that a batch in another order gives each text the same score.

    Packed rows without a block-diagonal mask, statistics over the batch, and a cache that is not cleared let a text
    read its neighbour. Scores then change when a file is shuffled.
    """
    return _two_ways(
        context,
        context.audited.scores,
        lambda tokens: context.audited.scores(tokens[::-1])[::-1],
        what="in batches of 8 and in their reverse, scores",
        names=("in this order", "in the other"),
    )


@check(
    "padding side",
    issues=["transformers#35352", "gpt-neox#1285", "trl#937"],
    remedy="pad on the right, or count positions from the attention mask (position_ids = mask.cumsum(1) - 1)",
    needs=["scores", "steady", "batches"],
)
def padding_side(context: Context) -> CheckResult:
    """Check that padding on the left and on the right give the same scores.

    Generation pads on the left and scoring on the right, so a policy's rollouts reach the reward model padded on the
    side on which it was not trained. A decoder with learned positions then reads each word at a wrong position, and one
    that pools a fixed column reads a pad token.
    """
    if not context.audited.meets_left_padding:
        return not_applicable("it pools its first token and its tokenizer pads on the right, so it meets no other side")
    return _two_ways(
        context,
        lambda tokens: context.audited.scores(tokens, side="left"),
        lambda tokens: context.audited.scores(tokens, side="right"),
        what="padded on the left and on the right, scores",
        names=("padded on the left", "on the right"),
    )


@check(
    "antisymmetry",
    issues=["reward-bench#137"],
    remedy="score each response by itself; see repeat, batch size and order for what makes it depend on more",
    needs=["scores", "batches"],
)
def antisymmetry(context: Context) -> CheckResult:
    """Check that the score difference of a pair changes its sign, and nothing else, when the two responses are swapped.

    For a model that scores each response by itself this is arithmetic. It fails if the score is random (dropout) or
    depends on the row or the neighbour; the response that is scored first then gains or loses by it.
    """
    pairs = [(pair.prompt, pair.chosen, pair.rejected) for pair, *_ in context.scored_pairs[:COMPARED_PAIRS]]
    if not pairs:
        return not_applicable("no pair has two finite scores; see finite")

    def both(parts: tuple[Side, ...]) -> tuple[float, float]:
        a, b = context.audited.read([(parts[0], parts[1]), (parts[0], parts[2])]).tokens
        straight, swapped = context.audited.scores([a, b]), context.audited.scores([b, a])
        return float(straight[0] - straight[1]), float(swapped[0] - swapped[1])

    differences = np.array([both(parts) for parts in pairs])  # (n_pairs, 2)
    gaps = distance(differences[:, 0], -differences[:, 1])
    worst, tolerance = int(gaps.argmax()), 2 * context.tolerance  # each of the two differences has two scores in it
    if gaps[worst] <= tolerance:
        return kept(f"swapped, {len(pairs)} score differences change sign to within {gaps[worst]:.1g}")
    seen = differences[worst].tolist()

    def is_broken(parts: tuple[Side, ...]) -> bool:
        straight, swapped = both(parts)
        if fails := not abs(straight + swapped) <= tolerance:
            seen[:] = straight, swapped
        return fails

    parts = shrink(pairs[worst], is_broken)
    return broken(
        f"swapped, score differences miss their opposite by up to {gaps[worst]:.3g}",
        Example(
            {"prompt": parts[0], "a": parts[1], "b": parts[2]},
            {"score(a) - score(b)": seen[0], "score(b) - score(a)": seen[1]},
        ),
    )


def _raises(context: Context, parts: tuple[Side, ...]) -> bool:
    tokens = context.audited.read(_as_texts(parts)).tokens
    try:
        context.audited.logits(tokens)
    except Exception:
        return True
    return False


def _two_ways(
    context: Context,
    first: Scorer,
    second: Scorer,
    *,
    what: str,
    names: tuple[str, str],
    sizes: Sequence[int] = (8,),
) -> CheckResult:
    """Compare two ways of scoring a batch, on the compared texts cut into batches of these sizes."""

    def gaps(texts: Sequence[Text]) -> np.ndarray:
        tokens = context.audited.read(texts).tokens
        return distance(first(tokens), second(tokens))

    texts = [row.text for row in context.compared]
    batches = [texts[start : start + size] for size in sizes for start in range(0, len(texts), size)]
    largest = [float(gaps(batch).max()) for batch in batches]
    worst = max(largest)
    if worst <= context.tolerance:
        return kept(f"{what} differ by {worst:.1g} at most")
    found = f"{what} differ by up to {worst:.3g}"
    batch = batches[largest.index(worst)]
    for two in combinations(batch, 2):  # a fault in a batch may need only two of its texts
        if gaps(two).max() > context.tolerance:
            parts = shrink((*two[0], *two[1]), lambda some: float(gaps(_as_texts(some)).max()) > context.tolerance)
            break
    else:
        return broken(f"{found}; in batches of {len(batch)}, and not of 2")
    tokens = context.audited.read(_as_texts(parts)).tokens
    row = int(gaps(_as_texts(parts)).argmax())
    numbers = {f"text {row + 1} {names[0]}": float(first(tokens)[row]), names[1]: float(second(tokens)[row])}
    return broken(found, Example(_two(parts), numbers))


def _as_texts(parts: tuple[Side, ...]) -> list[Text]:
    return [(parts[i], parts[i + 1]) for i in range(0, len(parts), 2)]


def _text(parts: tuple[Side, ...]) -> dict[str, Side]:
    return {"prompt": parts[0], "response": parts[1]}


def _two(parts: tuple[Side, ...]) -> dict[str, Side]:
    return {"prompt 1": parts[0], "response 1": parts[1], "prompt 2": parts[2], "response 2": parts[3]}


CHECKS = (repeat, reload, batch_size, order, padding_side, antisymmetry)
"""The checks of this file, in the order of the table."""
