"""Finds the sigmoid, and the logarithm of one, in a syntax tree, under whatever name and in whatever shape."""

import ast
import re
from collections.abc import Iterator

# The formula. Functions of other libraries that are it under another name, and the shapes in which it is written out.
FORMULA_NAMES = re.compile(
    r"(log_?)?sigmoid|softplus|(log_)?expit|binary_cross_entropy(_with_logits)?|BCE(WithLogits)?Loss|soft_margin_loss",
    re.IGNORECASE,
)


def _calls(node: ast.AST, *names: str) -> bool:
    """Whether `node` is a call of something whose last name is one of `names`."""
    return isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", None)) in names


def _one_plus_exp(node: ast.AST) -> bool:
    if not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add)):
        return False
    sides = (node.left, node.right)
    return any(isinstance(s, ast.Constant) and s.value == 1 for s in sides) and any(_calls(s, "exp") for s in sides)


def _is_zero(node: ast.AST) -> bool:
    return (isinstance(node, ast.Constant) and node.value == 0) or _calls(node, "zeros_like", "zeros")


def formulas(tree: ast.Module) -> Iterator[str]:
    """Give every place where a sigmoid, or the logarithm of one, is called or written out (comments and text aside)."""
    for node in ast.walk(tree):
        # A variable may be called `sigmoid`: what is imported, called, defined or taken from a library may not.
        name = {ast.Attribute: "attr", ast.alias: "name", ast.FunctionDef: "name"}.get(type(node))
        written_out = (
            (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and _one_plus_exp(node.right))
            or (_calls(node, "log", "reciprocal") and any(_one_plus_exp(a) for a in node.args))
            or (_calls(node, "log1p") and any(_calls(a, "exp") for a in node.args))
            or (_calls(node, "logaddexp") and any(_is_zero(a) for a in node.args))
            or (isinstance(node, ast.Call) and FORMULA_NAMES.fullmatch(getattr(node.func, "id", "")))
        )
        if written_out or (name and FORMULA_NAMES.fullmatch(getattr(node, name).split(".")[-1])):
            yield f"line {getattr(node, 'lineno', '?')}: {ast.unparse(node)}"
