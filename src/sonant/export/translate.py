"""A graph of core operators as TensorFlow operators: the one translator behind SavedModel and TFLite.

An interpreter walks the graph and calls the rule of each operator while TensorFlow traces. Parts of
the graph that depend on weights alone are computed by torch on the way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

import tensorflow as tf
from torch import Tensor, fx

from sonant.errors import ExportError
from sonant.export.aten import NUMBERS, RULES
from sonant.export.aten_shapes import constant
from sonant.export.translate_graph import Graph, layer_of, scope_of
from sonant.export.translate_layout import Laid

Watch: TypeAlias = Callable[[fx.Node, Laid], Laid]
"""What is done to each value on its way, as quantisation does."""

IGNORED: Final = ("dtype", "layout", "device", "memory_format", "pin_memory")
"""Options that do not change a value; where a type does change, the node itself knows it."""


def translated(graph: Graph, values: Sequence[Laid], *, watch: Watch | None = None) -> list[Laid]:
    """The outputs of `graph` for TensorFlow tensors, one for each input, in a trace or at once.

    Raises `ExportError` that names an operator without a rule, and the layer it came from.
    """

    def apply(node: fx.Node, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        value = _value(node, args, named)
        return watch(node, value) if watch is not None and isinstance(value, Laid) else value

    given = list(values)
    if watch is not None:
        given = [watch(node, value) for node, value in zip(graph.inputs, values, strict=True)]
    results = graph.run(given, apply=apply, constant=_same)
    return [constant(result) if isinstance(result, Tensor) else result for result in results]


def check(graph: Graph) -> None:
    """Raise `ExportError` for the first operator that has no rule: before anything is traced."""
    for node in graph.nodes.nodes:
        if node.op == "call_function" and node.target not in RULES and node.target not in NUMBERS:
            raise _unknown(node)


def _value(node: fx.Node, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
    if node.target in NUMBERS:
        return node.target(*args, **named)
    held: list[Any] = []
    fx.node.map_aggregate((args, named), held.append)
    if any(isinstance(value, Tensor) for value in held) and not any(
        isinstance(value, Laid) or tf.is_tensor(value) for value in held
    ):
        return node.target(*args, **named)  # type: ignore[operator]
    rule = RULES.get(node.target)
    if rule is None:
        raise _unknown(node)
    args = fx.node.map_aggregate(args, _laid)
    options = {
        name: fx.node.map_aggregate(value, _laid)
        for name, value in named.items()
        if name not in IGNORED
    }
    try:
        with tf.name_scope(scope_of(node)):  # names in the file tell the layer
            return rule(node, *args, **options)
    except NotImplementedError as error:
        raise ExportError(f"{layer_of(node)}: {error} has no translation to TensorFlow") from error


def _laid(value: Any) -> Any:
    return constant(value) if isinstance(value, Tensor) else value


def _same(value: Tensor) -> Tensor:
    return value


def _unknown(node: fx.Node) -> ExportError:
    name = str(node.target)
    return ExportError(
        f"{layer_of(node)}: the operator {name} has no translation to TensorFlow; "
        f"write the layer with other operators, or export to ONNX"
    )
