"""Weights of an ONNX graph in 8 bits, in blocks that share a scale; what is computed with them stays in float32.

A block is 32 numbers along a row of an embedding, or along the axis that a matrix product sums over. It is stored as
whole numbers from -127 to 127 and one float32, so that an entry is off by at most 1/254 of the block's largest.

The graph restores the numbers by ``Cast``, ``Mul`` and ``Reshape``. A runtime does so once for a matrix, when it
loads the graph, and in each run only for the rows of an embedding that it reads. ``DequantizeLinear`` would do
the same, but ONNX Runtime fuses it with a product, and then rounds the other factor to 8 bits too.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import onnx
from onnx import NodeProto, helper, numpy_helper

__all__ = ["BLOCK", "in_eight_bits", "quantize_blocks"]

BLOCK = 32
"""Numbers that share a scale."""
SMALLEST = 4096
"""Matrices of fewer numbers, such as the head, stay as they are: they take little room, and scores depend on them."""
LIMIT = 127


def quantize_blocks(weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Round the rows of a matrix to 8 bits, in blocks along the last axis.

    Parameters
    ----------
    weight
        float32 of shape ``(rows, width)``.

    Returns
    -------
    Whole numbers, int8 of shape ``(rows, n_blocks, BLOCK)``, the last block filled with zeros; and the scales of the
    blocks, float32 ``(rows, n_blocks, 1)``. Their product is the rounded matrix.
    """
    rows, width = weight.shape
    n_blocks = math.ceil(width / BLOCK)
    blocks = np.pad(weight, ((0, 0), (0, n_blocks * BLOCK - width))).reshape(rows, n_blocks, BLOCK)
    scales = np.abs(blocks).max(axis=2, keepdims=True) / np.float32(LIMIT)
    steps = np.where(scales > 0, scales, np.float32(1))  # a block of zeros
    return np.rint(blocks / steps).clip(-LIMIT, LIMIT).astype(np.int8), steps.astype(np.float32)


def in_eight_bits(graph: onnx.ModelProto) -> onnx.ModelProto:
    """Return a copy of a graph with the matrices of its products and its embeddings in 8 bits."""
    made = onnx.ModelProto()
    made.CopyFrom(graph)
    held = {one.name: numpy_helper.to_array(one) for one in made.graph.initializer}
    rounding = _Rounding({name: array for name, array in held.items() if _is_matrix(array)})
    nodes = [new for node in made.graph.node for new in rounding.rewritten(node)]
    del made.graph.node[:]
    made.graph.node.extend(nodes)
    read = {name for node in nodes for name in node.input} | {one.name for one in made.graph.output}
    kept = [one for one in made.graph.initializer if one.name in read]
    del made.graph.initializer[:]
    made.graph.initializer.extend([*kept, *rounding.constants.values()])
    onnx.checker.check_model(made)
    return made


def _is_matrix(array: np.ndarray) -> bool:
    return array.dtype == np.float32 and array.ndim == 2 and array.size >= SMALLEST


class _Rounding:
    """Rewrites the nodes that read a matrix, and keeps the constants that they read in its place."""

    def __init__(self, matrices: dict[str, np.ndarray]):
        self.matrices = matrices
        self.constants: dict[str, onnx.TensorProto] = {}
        self.restored: set[str] = set()

    def rewritten(self, node: NodeProto) -> Iterator[NodeProto]:
        """Yield the nodes that replace one node."""
        if node.op_type == "Gather" and node.input[0] in self.matrices and not _attribute(node, "axis"):
            yield from self._gathered(node)
            return
        if node.op_type in ("MatMul", "Gemm") and node.input[1] in self.matrices:
            yield from self._restored(node)
        yield node

    def _gathered(self, node: NodeProto) -> Iterator[NodeProto]:
        """Yield nodes that read rows of an embedding in 8 bits, and restore only these."""
        (name, indices), (made,) = node.input, node.output
        numbers, scales = self._stored(f"{name}.rows", self.matrices[name])
        yield helper.make_node("Gather", [numbers, indices], [f"{made}.numbers"])
        yield helper.make_node("Gather", [scales, indices], [f"{made}.scales"])
        yield helper.make_node("Shape", [indices], [f"{made}.places"])
        yield helper.make_node("Concat", [f"{made}.places", self._constant([-1])], [f"{made}.shape"], axis=0)
        parts = f"{made}.numbers", f"{made}.scales", f"{made}.shape"
        yield from self._joined(*parts, made, self.matrices[name].shape[1])

    def _restored(self, node: NodeProto) -> Iterator[NodeProto]:
        """Yield nodes that restore the matrix of a product, whose blocks lie along the axis that is summed over."""
        name = node.input[1]
        turned = not _attribute(node, "transB")
        kind = "columns" if turned else "rows"
        node.input[1] = made = f"{name}.of_{kind}"
        if made in self.restored:
            return
        self.restored.add(made)
        rows = self.matrices[name].T if turned else self.matrices[name]
        parts = *self._stored(f"{name}.{kind}", rows), self._constant([len(rows), -1])
        yield from self._joined(*parts, f"{made}.rows" if turned else made, rows.shape[1])
        if turned:
            yield helper.make_node("Transpose", [f"{made}.rows"], [made], perm=[1, 0])

    def _stored(self, name: str, rows: np.ndarray) -> tuple[str, str]:
        """Keep rows in 8 bits; return the names of the numbers and the scales."""
        names = f"{name}.numbers", f"{name}.scales"
        if names[0] not in self.constants:
            for one, array in zip(names, quantize_blocks(rows), strict=True):
                self.constants[one] = numpy_helper.from_array(array, one)
        return names

    def _constant(self, values: list[int]) -> str:
        """Keep a list of whole numbers, such as a shape; return its name."""
        name = f"rounding.{'_'.join(map(str, values))}"
        self.constants[name] = numpy_helper.from_array(np.array(values, dtype=np.int64), name)
        return name

    def _joined(self, numbers: str, scales: str, shape: str, made: str, width: int) -> Iterator[NodeProto]:
        """Yield nodes that multiply blocks by their scales, and join the blocks of a row."""
        yield helper.make_node("Cast", [numbers], [f"{made}.cast"], to=onnx.TensorProto.FLOAT)
        yield helper.make_node("Mul", [f"{made}.cast", scales], [f"{made}.blocks"])
        whole = made if width % BLOCK == 0 else f"{made}.filled"
        yield helper.make_node("Reshape", [f"{made}.blocks", shape], [whole])
        if whole != made:
            bounds = [self._constant([value]) for value in (0, width, -1)]
            yield helper.make_node("Slice", [whole, *bounds], [made])


def _attribute(node: NodeProto, name: str) -> int:
    """Return an attribute of a node that is a whole number; 0 if it is not set."""
    return next((one.i for one in node.attribute if one.name == name), 0)
