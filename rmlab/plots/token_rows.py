"""Pictures of a batch: where its texts are, and which token attends to which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from rmlab.plots.display import set_description
from rmlab.plots.style import CHOSEN, INK, NEUTRAL, PADDING, PAGE, PROMPT, REJECTED, TEXT, label, make_axes, make_panels

if TYPE_CHECKING:  # a picture need not wait for torch
    from rmlab.model.packing import PackedRows

__all__ = ["plot_batch", "plot_packed_rows"]

_Looks = Mapping[int, tuple[str, str]]  # colour and hatch of each part
_PROMPT = (PROMPT, "...")
_PARTS: _Looks = {0: _PROMPT, 1: (CHOSEN, ""), 2: (REJECTED, "///")}
_BATCH: _Looks = {0: (PADDING, ""), 1: _PROMPT, 2: (CHOSEN, ""), 3: (REJECTED, "///")}
_BATCH_NAMES = ("padding", "prompt", "chosen", "rejected")


def plot_packed_rows(packed: PackedRows, *, causal: bool, row: int = 0, ax: Axes | None = None) -> Axes:
    """Draw the rows of a packed batch, and beside them the attention mask of one of them.

    If trees are pairs, "shared" is the prompt (and anything else with which both texts begin), 1 the rest of the first
    text and 2 that of the second; further branches take the colours in turn.

    Parameters
    ----------
    packed
        The result of `rmlab.model.packing.pack`.
    causal
        Whether a token attends only to those before it.
    row
        The row whose mask is drawn, from 0.

    Returns
    -------
    The Axes, with the two panels in its ``child_axes``.
    """
    n_rows, length = packed.input_ids.shape
    if not 0 <= row < n_rows:
        raise ValueError(f"row must be from 0 to {n_rows - 1}, got {row}")
    ax = make_axes(ax, 11, 4.6)
    rows, mask = make_panels(ax, 2)
    parts = np.where(packed.branches > 0, (packed.branches - 1) % 2 + 1, 0)
    for r, start, width, part in _draw_rows(rows, packed, np.where(packed.trees >= 0, parts, -1), _PARTS):
        branch = int(packed.branches[r, start])
        name = str(branch) if branch else "shared"
        upright = not branch and width < length * 0.16  # the word is wider than its bar
        if width >= length * 0.04 and not (upright and n_rows > 4):  # room for it
            style = {"ha": "center", "va": "center", "fontsize": TEXT - 2, "weight": "bold", "rotation": 90 * upright}
            ground = {"facecolor": _PARTS[part][0], "edgecolor": "none", "pad": 2}  # no hatch behind the word
            rows.text(start + width / 2, r, name, color=PAGE if branch else INK, bbox=ground, **style)
    used = int((packed.trees >= 0).sum())
    counted = f"{n_rows} row{'s' * (n_rows > 1)}"
    label(rows, f"{counted}, {used} tokens, {packed.input_ids.size - used} of padding", "token", "row")
    allowed = packed.attends(causal=causal)[row] & (packed.trees[row] >= 0)
    mask.imshow(~allowed, cmap="gray", vmin=-0.35, vmax=1, interpolation="nearest", aspect="equal")
    label(mask, f"who attends to whom in row {row}", "token attended to", "token")
    for starts_at in np.flatnonzero(np.diff(packed.trees[row])) + 0.5:
        mask.axhline(starts_at, color=NEUTRAL, linewidth=0.8, linestyle=":")
        mask.axvline(starts_at, color=NEUTRAL, linewidth=0.8, linestyle=":")
    trees = [len(np.unique(line[line >= 0])) for line in packed.trees]
    texts = len(packed.members)
    set_description(
        ax,
        f"{texts} texts packed into {counted} of {length} tokens, with {packed.input_ids.size - used} of padding; "
        f"the rows hold {', '.join(map(str, trees))} groups of texts that begin alike, with what they share stored "
        f"once. Beside them the attention mask of row {row}: {'triangles' if causal else 'squares'} along the "
        "diagonal, one for each group, and none between two texts.",
    )
    return ax


def plot_batch(
    packed: PackedRows, prompt_tokens: Sequence[int] | np.ndarray, *, needed: int, ax: Axes | None = None
) -> Axes:
    """Draw what each token of a batch of pairs belongs to: a prompt, a response, or padding.

    Parameters
    ----------
    packed
        The rows, of the chosen texts 0 to n - 1 and the rejected texts n to 2n - 1. A row for each text makes it a
        padded batch.
    prompt_tokens
        Tokens in the prompt of each pair, shape ``(n,)``. If two texts share tokens, all that they share is drawn as
        prompt.
    needed
        The fewest tokens with which this batch can be computed; the title compares the computed ones with it.
    """
    n_rows, length = packed.input_ids.shape
    n_pairs = len(prompt_tokens)
    if len(packed.members) != 2 * n_pairs:
        raise ValueError(f"prompt_tokens must be one for each pair, {len(packed.members) // 2} of them, got {n_pairs}")
    ax = make_axes(ax, 9, 4.8)
    parts = np.zeros((n_rows, length), dtype=np.int64)
    parts[(packed.trees >= 0) & (packed.branches == 0)] = 1
    for member, (row, last) in zip(packed.members.tolist(), packed.last.tolist(), strict=True):
        own = (packed.trees[row] == packed.trees[row, last]) & (packed.branches[row] == packed.branches[row, last])
        in_prompt = packed.positions[row] < prompt_tokens[member % n_pairs]
        parts[row, own] = np.where(in_prompt, 1, 2 + (member >= n_pairs))[own]
    _draw_rows(ax, packed, parts, _BATCH)
    computed = packed.input_ids.size
    label(ax, f"{computed:,} computed / {needed:,} needed = {computed / needed:.2f}", "token", "row")
    keys = [
        Patch(facecolor=colour, hatch=hatch, edgecolor=PAGE, label=name)
        for name, (colour, hatch) in zip(_BATCH_NAMES, _BATCH.values(), strict=True)
    ]
    ax.figure.legend(handles=keys, loc="outside lower center", ncols=4, fontsize=TEXT - 1, frameon=False)
    padding = int((packed.trees < 0).sum())
    set_description(
        ax,
        f"A batch of {n_pairs} pairs in {n_rows} rows of {length} tokens, coloured as prompt, chosen, rejected or "
        f"padding. {computed:,} tokens are computed, {padding:,} of them padding, where {needed:,} are needed: "
        f"{computed / needed:.2f} for each one needed.",
    )
    return ax


def _draw_rows(ax: Axes, packed: PackedRows, parts: np.ndarray, looks: _Looks) -> list[tuple[int, int, int, int]]:
    """Draw a bar for each stretch of tokens of one tree and one part, and a stroke between trees.

    A part without a look is left blank. Returns for each bar its row, where it starts, its tokens and its part.
    """
    bars = []
    for row, (trees, line) in enumerate(zip(packed.trees, parts, strict=True)):
        start = 0
        for (_, part), stretch in groupby(zip(trees.tolist(), line.tolist(), strict=True)):
            width = len(list(stretch))
            if part in looks:
                colour, hatch = looks[part]
                edge = {"edgecolor": PAGE, "linewidth": 0.5}
                ax.barh(row, width, left=start, height=0.84, color=colour, hatch=hatch, **edge)
                bars.append((row, start, width, part))
            start += width
        ax.vlines(np.flatnonzero(np.diff(trees)) + 1, row - 0.42, row + 0.42, color=INK, linewidth=2)
    ax.set_xlim(0, packed.input_ids.shape[1])
    ax.set_ylim(len(parts) - 0.4, -0.6)
    ax.set_yticks(range(len(parts)))
    return bars
