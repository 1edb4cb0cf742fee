"""A module's graph of ATen operators, and the names that its author knows the nodes by."""

from __future__ import annotations

import io
import logging
import operator
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, fx, nn

from sonant.errors import ModelError

CONTROL = ("data-dependent", "data dependent", "Data-dependent", "Data dependent")
"""How torch.export speaks of a branch that depends on values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """A graph and what its placeholders stand for."""

    nodes: tuple[fx.Node, ...]
    """In the order they run."""
    weights: dict[str, str]
    """Placeholder to the parameter's or buffer's name in the module."""
    constants: dict[str, Tensor]
    """Placeholder to a tensor made while the module ran."""


def capture(module: nn.Module, example: Tensor) -> Captured:
    """The graph for inputs like `example`; ModelError where the module's path depends on values."""
    for name, layer in module.named_modules():
        if layer.training and isinstance(layer, nn.modules.batchnorm._BatchNorm):
            raise ModelError(
                f"{quoted(name)} ({type(layer).__name__}) cannot stream: in training it normalises by the "
                f"whole batch, the future included; call module.eval() first"
            )
    try:
        with quiet():
            program = torch.export.export(module, (example,))
    except Exception as error:
        raise ModelError(reason(module, error)) from error
    signature = program.graph_signature
    names = {**signature.inputs_to_parameters, **signature.inputs_to_buffers}
    constants = {
        place: program.constants[name]
        for place, name in signature.inputs_to_lifted_tensor_constants.items()
    }
    return Captured(
        nodes=tuple(program.graph.nodes),
        weights=dict(names),
        constants={place: value for place, value in constants.items() if isinstance(value, Tensor)},
    )


@contextmanager
def quiet() -> Iterator[None]:
    """Without torch.export's own warnings and logs: what matters is said by the ModelError."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        # A graph that fails is printed by torch.export, whole.
        silence = io.StringIO()
        with warnings.catch_warnings(), redirect_stdout(silence), redirect_stderr(silence):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def reason(module: nn.Module, error: Exception) -> str:
    """Why a module has no graph, in words."""
    text = str(error)
    line = next((row.strip() for row in reversed(user_rows(text)) if row.strip()), "")
    at = f", in the line `{line}`" if line else ""
    if any(mark in text for mark in CONTROL) or "Could not guard" in text:
        return (
            f"{type(module).__name__} cannot stream: its path depends on the values it computes{at}; a graph "
            f"has one path, so write the choice as torch.where"
        )
    first = text.strip().splitlines()[0] if text.strip() else type(error).__name__
    return f"{type(module).__name__} gives no graph{at}: {type(error).__name__}: {first}"


def user_rows(text: str) -> list[str]:
    """Lines of source in a trace that are not torch's own."""
    home = str(Path(torch.__file__).parent)
    rows = text.splitlines()
    return [
        rows[number + 1]
        for number, row in enumerate(rows[:-1])
        if row.strip().startswith('File "') and home not in row
    ]


def scopes(node: fx.Node) -> list[tuple[str, str]]:
    """Layers that a node lies in, outermost first: (qualified name, class)."""
    stack = node.meta.get("nn_module_stack") or {}
    return [(str(path), str(kind).rsplit(".", 1)[-1]) for path, kind in stack.values()]


def place(node: fx.Node) -> str:
    """A node as its author knows it: its layer, and the line where it is not the layer's own."""
    name, kind = (scopes(node) or [("", "")])[-1]
    layer = f"{quoted(name)} ({kind})" if kind else quoted(name)
    # The trace ends in the layer's own code: a line of it says more than the operator's name does.
    rows = str(node.meta.get("stack_trace") or "").strip().splitlines()
    own = len(rows) > 1 and str(Path(torch.__file__).parent) not in rows[-2]
    return f"{layer}, in the line `{rows[-1].strip()}`" if own else layer


def quoted(name: str) -> str:
    """A qualified name; the outermost module has none."""
    return f"`{name}`" if name else "the module itself"


def operation(node: fx.Node) -> str:
    """The operator's plain name: `conv1d`, `add`, `getitem`."""
    if node.target is operator.getitem:
        return "getitem"
    schema = getattr(node.target, "_schema", None)
    name: str = schema.name if schema is not None else str(node.target)
    return name.removeprefix("aten::")


def plain(name: str) -> str:
    """The name of the operator that does the same, but not in place."""
    return name if name.startswith("_") else name.removesuffix("_")


def in_new_memory(node: fx.Node) -> Any:
    """The operator in the form that leaves its input as it is."""
    name = operation(node)
    if plain(name) == name:
        return node.target
    return getattr(getattr(torch.ops.aten, plain(name)), node.target._overloadname)  # type: ignore[union-attr]


def arguments(node: fx.Node) -> dict[str, Any]:
    """What a node was called with, by the operator's own names, defaults filled in."""
    schema = getattr(node.target, "_schema", None)
    if schema is None:
        return {str(number): value for number, value in enumerate(node.args)}
    given = dict(node.kwargs)
    for number, argument in enumerate(schema.arguments):
        if number < len(node.args):
            given[argument.name] = node.args[number]
        elif argument.name not in given:
            given[argument.name] = argument.default_value
    return given
