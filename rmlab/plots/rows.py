"""A batch: what stands where in its rows, and which token attends to which."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from rmlab.packing import PackedRows
from rmlab.plots.display import set_description
from rmlab.plots.style import CHOSEN, INK, NEUTRAL, REJECTED, TEXT, label, make_axes, make_panels

__all__ = ["plot_batch", "plot_packed_rows"]

_PARTS = {0: ("shared", "#d9d9d9", ""), 1: ("1", CHOSEN, ""), 2: ("2", REJECTED, "///")}
_BATCH = (
    ("padding", "#c4c4c4", ""),
    ("prompt", "#f2d98b", "..."),
    ("chosen", CHOSEN, ""),
    ("rejected", REJECTED, "///"),
)


def plot_packed_rows(packed: PackedRows, *, causal: bool, row: int = 0, ax: Axes | None = None) -> Axes:
    """Draw the rows of a packed batch, and beside them the attention mask of one of them.

    Where trees are pairs, "shared" is the prompt (and whatever else both texts begin with), 1 the rest of the first
    text and 2 that of the second; further branches take the colours in turn.

    Parameters
    ----------
    packed
        What `rmlab.packing.pack` laid out.
    causal
        Whether a token attends to those before it alone.
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
    for r in range(n_rows):
        column = 0
        for (tree, branch), run in groupby(zip(packed.trees[r].tolist(), packed.branches[r].tolist(), strict=True)):
            width = len(list(run))
            if tree >= 0:
                name, colour, hatch = _PARTS[branch and (branch - 1) % 2 + 1]
                rows.barh(r, width, left=column, height=0.8, color=colour, hatch=hatch, edgecolor="white", linewidth=1)
                if width >= length * (0.16 if name == "shared" else 0.04):  # room for the word
                    ink = "white" if branch else INK
                    rows.text(column + width / 2, r, name if branch <= 2 else str(branch), ha="center", va="center",
                              color=ink, fontsize=TEXT - 2, weight="bold")  # fmt: skip
            column += width
        starts = np.flatnonzero(np.diff(packed.trees[r])) + 1
        rows.vlines(starts, r - 0.4, r + 0.4, color=INK, linewidth=2)
    rows.set_xlim(0, length)
    rows.set_ylim(n_rows - 0.4, -0.6)
    rows.set_yticks(range(n_rows))
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
        f"the rows hold {', '.join(map(str, trees))} groups of texts that begin alike, what they share standing once. "
        f"Beside them the attention mask of row {row}: {'triangles' if causal else 'squares'} along the diagonal, one "
        "for each group, and none between two texts.",
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
        Tokens in the prompt of each pair, shape ``(n,)``. Where two texts share tokens, all that they share is drawn as
        prompt.
    needed
        The fewest tokens that this batch can be computed with, which the title holds the computed ones against.
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
    for row in range(n_rows):
        column = 0
        for part, run in groupby(parts[row].tolist()):
            width = len(list(run))
            _, colour, hatch = _BATCH[part]
            ax.barh(row, width, left=column, height=0.84, color=colour, hatch=hatch, edgecolor="white", linewidth=0.5)
            column += width
        ends = np.flatnonzero(np.diff(packed.trees[row])) + 1
        ax.vlines(ends, row - 0.42, row + 0.42, color=INK, linewidth=2)
    ax.set_xlim(0, length)
    ax.set_ylim(n_rows - 0.4, -0.6)
    ax.set_yticks(range(n_rows))
    computed = packed.input_ids.size
    label(ax, f"{computed:,} computed / {needed:,} needed = {computed / needed:.2f}", "token", "row")
    keys = [Patch(facecolor=colour, hatch=hatch, edgecolor="white", label=name) for name, colour, hatch in _BATCH]
    ax.figure.legend(handles=keys, loc="outside lower center", ncols=4, fontsize=TEXT - 1, frameon=False)
    padding = int((packed.trees < 0).sum())
    set_description(
        ax,
        f"A batch of {n_pairs} pairs in {n_rows} rows of {length} tokens, coloured as prompt, chosen, rejected or "
        f"padding. {computed:,} tokens are computed, {padding:,} of them padding, where {needed:,} are needed: "
        f"{computed / needed:.2f} for each one needed.",
    )
    return ax
