"""The description of a picture in words, and its display in a notebook with these words as alt text."""

from __future__ import annotations

import base64
import html
import io
import sys
from typing import cast

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.text import Text
from PIL import Image

__all__ = ["bundle", "describe", "encode", "set_description", "show"]

MARGIN = 0.1  # inches of white around what is drawn: on a dark page a picture is a white card


def describe(picture: Axes | Figure) -> str:
    """Return the description, in words and numbers, of a picture that this package drew."""
    axes = picture.axes if isinstance(picture, Figure) else [picture]
    found = [text for ax in axes if (text := getattr(ax, "_rmlab_description", None))]
    if not found:
        raise ValueError("this picture was not drawn by rmlab.plots; describe it in show(picture, alt=...)")
    return " ".join(found)


def show(picture: Axes | Figure, *, alt: str | None = None) -> None:
    """Display a picture in a notebook, with alt text: `alt`, or else the result of `describe`.

    A figure made through pyplot is closed, so that it does not appear twice.
    """
    from IPython.display import display

    display(bundle(picture, describe(picture) if alt is None else alt), raw=True)
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        pyplot.close(_figure(picture))  # of no effect on a figure that pyplot does not know


def bundle(picture: Axes | Figure, alt: str) -> dict[str, str]:
    """Return what Jupyter displays: HTML with the picture inside, since it gives a bare image/png no alt text."""
    source, (width, height) = encode(picture)
    # Width and height reserve the room until the picture is drawn; the style makes it fit a narrow window.
    size = f'width="{width}" height="{height}" style="max-width: 100%; height: auto"'
    image = f'<img src="data:image/png;base64,{source}" alt="{html.escape(alt)}" {size}>'
    return {"text/html": image, "text/plain": alt}


def encode(picture: Axes | Figure) -> tuple[str, tuple[int, int]]:
    """Return a picture as PNG in base 64, and the width and height at which it is shown, in pixels."""
    figure = _figure(picture)
    if isinstance(engine := figure.get_layout_engine(), ConstrainedLayoutEngine):
        engine.set(w_pad=MARGIN, h_pad=MARGIN)
    drawn, png = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png", dpi=160, pil_kwargs={"compress_level": 0})  # it is packed below
    image = Image.open(drawn)
    layer = image.mode == "RGBA" and image.getextrema()[3][0] < 255  # type: ignore[index]
    # few colours are used: with a palette the picture takes a third of the bytes in the notebook
    palette = (
        image.quantize(128, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
        if layer
        else image.convert("RGB").quantize(128, dither=Image.Dither.NONE)
    )
    palette.save(png, format="png", optimize=True)
    width, height = (round(100 * inches) for inches in figure.get_size_inches())
    return base64.b64encode(png.getvalue()).decode(), (width, height)


def _figure(picture: Axes | Figure) -> Figure:
    return picture if isinstance(picture, Figure) else picture.get_figure(root=True)  # type: ignore[return-value]


def set_description(ax: Axes, text: str) -> Axes:
    """Attach the text that `describe` returns for this picture. Call this when all of it is drawn.

    Text in a picture is never read as TeX, so a name may contain dollar signs.
    """
    for words in ax.findobj(Text):
        cast(Text, words).set_parse_math(False)
    setattr(ax, "_rmlab_description", text)  # noqa: B010
    return ax
