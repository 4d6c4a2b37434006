"""Formulas as MathML, which browsers draw by themselves: no script, no network."""

import re

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

# Browsers space a sign as one between two terms unless they are told, and a function not at all.
SIGN = re.compile(r"(?<=&#x0003D;</mo>|&#x0002C;</mo>|&#x00028;</mo>)<mo>(?=&#x02212;|&#x0002B;)")
FUNCTION = re.compile(r"(?P<before></mi>|&#x00029;</mo>)?(?P<name><mi>(?:log|ln|exp)</mi>)(?P<open><mo)?")
SPACE = '<mspace width="0.17em"/>'
# What the converter takes for a letter, and marks that are to lie close: bars around a number, and over one.
NUMBER = re.compile(r"<mi>(\.\d+)</mi>")
PLUS_MINUS = re.compile(r"<mi>(&#x000B1;)</mi>")
BARS = re.compile(r'<mo (?=stretchy="false">&#x0007C;)')
OVER = re.compile(r'<mover>((?:(?!<mover>).)*?<mo stretchy=")true(">&#x000AF;)')


def mathml(formula: str, *, display: str = "inline") -> str:
    """Turn a formula of LaTeX into MathML."""

    def apart(found: re.Match[str]) -> str:
        before, name, operator = (found[part] or "" for part in ("before", "name", "open"))
        return f"{before}{SPACE * bool(before)}{name}{operator or SPACE}"

    made = SIGN.sub('<mo form="prefix">', FUNCTION.sub(apart, convert(formula, display=display)))
    made = PLUS_MINUS.sub(r"<mo>\1</mo>", NUMBER.sub(r"<mn>\1</mn>", made))
    return OVER.sub(r'<mover accent="true">\1false\2', BARS.sub('<mo lspace="0" rspace="0" ', made))


def inline(self: HTML5Translator, node: nodes.math) -> None:
    """Write a formula that stands in a line."""
    self.body.append(mathml(node.astext()))
    raise nodes.SkipNode


def block(self: HTML5Translator, node: nodes.math_block) -> None:
    """Write a formula that stands by itself."""
    self.body.append(f'<div class="formula">{mathml(node.astext(), display="block")}</div>')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the writer of formulas."""
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    return {"parallel_read_safe": True}
