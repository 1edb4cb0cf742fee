"""A module as a flat graph of core operators: where every translation and every calibration begins.

`torch.export` flattens the module; its operators are decomposed to core ATen and a few simpler ones.
Batch norms are folded into the convolution before them, or become a product and a sum. Each node knows
the layer it came from, so that an error can name it.
"""

from __future__ import annotations

import inspect
import re
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import torch
from torch import Tensor, fx, nn
from torch._decomp import get_decompositions
from torch.fx.traceback import annotate, preserve_node_meta

from sonant.errors import ExportError
from sonant.nn.streaming import State, Streamable

Apply: TypeAlias = Callable[[fx.Node, tuple[Any, ...], dict[str, Any]], Any]
"""What to do at a node, given the values of its arguments."""

ATEN: Final = torch.ops.aten
SIMPLER: Final = (
    ATEN.silu, ATEN.hardswish, ATEN.hardsigmoid, ATEN.native_layer_norm,
    ATEN.addmv, ATEN.leaky_relu, ATEN.mish, ATEN.softplus, ATEN._log_softmax,
)  # fmt: skip
"""Operators of core ATen that are taken apart further: their parts can be calibrated one by one."""

NORMS: Final = (
    ATEN._native_batch_norm_legit_no_training.default,
    ATEN.native_batch_norm.default,
)
FOLDED: Final = (torch.float32, torch.float64, torch.int32, torch.int64, torch.bool)
"""Types that torch computes with on every processor."""
CHECKS: Final = (
    ATEN._assert_tensor_metadata.default,
    ATEN._assert_scalar.default,
    ATEN.sym_constrain_range_for_size.default,
    ATEN.sym_constrain_range.default,
)
"""Operators that only check what they are given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """Operators in the order in which they run."""

    nodes: fx.Graph
    """Placeholders, calls of core operators, and one output."""
    constants: Mapping[str, Tensor]
    """Weights by the name of their placeholder."""
    inputs: tuple[fx.Node, ...]
    """Placeholders of what the module is given, in its order."""
    outputs: tuple[fx.Node, ...]
    """What the module returns, in its order."""

    def run(
        self, values: Sequence[Any], *, apply: Apply, constant: Callable[[Tensor], Any]
    ) -> list[Any]:
        """Interpret the graph on `values`, one for each input; `apply` says what a node does."""
        known = dict(zip(self.inputs, values, strict=True))
        for node in self.nodes.nodes:
            if node.op == "placeholder" and node not in known:
                known[node] = constant(self.constants[node.name])
            elif node.op == "call_function":
                args = fx.node.map_arg(node.args, known.__getitem__)
                named = fx.node.map_arg(node.kwargs, known.__getitem__)
                known[node] = apply(node, args, named)
        return [known[node] for node in self.outputs]


def flat(module: nn.Module, examples: Sequence[Tensor], *, free_batch: bool = True) -> Graph:
    """The graph of `module`, which is in evaluation mode and a copy: its steps are marked on the way.

    `examples` are batch first, with a batch above 1. Raises `ExportError` with the reason of torch.
    """
    _mark_steps(module)
    batch = torch.export.Dim("batch", min=1)
    shapes = tuple({0: batch} if free_batch else None for _ in examples)
    try:
        with warnings.catch_warnings(), preserve_node_meta(), torch.no_grad():
            warnings.simplefilter("ignore")  # of torch about its own deprecations
            program = torch.export.export(
                module, tuple(examples), dynamic_shapes=_for(module, shapes), strict=False
            )
            table = torch.export.default_decompositions()
            table.update(get_decompositions(list(SIMPLER)))  # type: ignore[no-untyped-call]
            program = program.run_decompositions(table)
    except Exception as error:  # torch's exporter has no narrower class of its own
        raise ExportError(f"the model cannot be made a graph: {first_line(error)}") from error
    return _normed(program)


def layer_of(node: fx.Node) -> str:
    """The layer that a node came from, as its path in the module and its class."""
    stack = [path for path in node.meta.get("nn_module_stack", {}).values() if path[0]]
    layer = (node.meta.get("custom") or {}).get("layer", "")
    if not stack or not str(stack[-1][0]).replace("L['self'].", ""):
        return str(layer or "the model itself")
    path, kind = stack[-1]
    kind = kind if isinstance(kind, str) else kind.__qualname__
    return f"{path} ({kind.rsplit('.', 1)[-1]})"


def scope_of(node: fx.Node) -> str:
    """The layer as a name that TensorFlow takes for a scope."""
    path = re.sub(r"[^A-Za-z0-9_.]", "_", layer_of(node).split(" ")[0])
    return path if path and path[0].isalnum() else f"model.{path}"


def inside(node: fx.Node, layers: Iterable[str]) -> bool:
    """Whether a node came from one of these layers, named by their path in the module."""
    paths = [str(path) for path, _ in node.meta.get("nn_module_stack", {}).values()]
    paths.append((node.meta.get("custom") or {}).get("layer", ""))
    return any(path == layer or path.startswith(f"{layer}.") for path in paths for layer in layers)


def first_line(error: BaseException) -> str:
    """The first cause of an error in one line."""
    while error.__cause__ is not None:
        error = error.__cause__
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0] if text else ''}"


def _mark_steps(module: nn.Module) -> None:
    """Have each layer note its path: `step` is no call of the module, and torch would not see it."""
    for path, layer in module.named_modules():
        if isinstance(layer, Streamable):
            vars(layer)["step"] = _marked(layer, path)


def _marked(layer: Streamable, path: str) -> Callable[[Tensor, State], tuple[Tensor, State]]:
    def step(x: Tensor, state: State) -> tuple[Tensor, State]:
        with annotate({"layer": path}):
            return type(layer).step(layer, x, state)

    return step


def _for(module: nn.Module, shapes: tuple[Any, ...]) -> tuple[Any, ...]:
    """A `*states` argument counts as one."""
    kinds = [p.kind for p in inspect.signature(module.forward).parameters.values()]
    if inspect.Parameter.VAR_POSITIONAL not in kinds:
        return shapes
    first = kinds.index(inspect.Parameter.VAR_POSITIONAL)
    return (*shapes[:first], shapes[first:])


def _normed(program: torch.export.ExportedProgram) -> Graph:
    nodes = program.graph_module.graph
    held = {**program.state_dict, **program.constants}
    constants: dict[str, Tensor] = {}
    given: list[str] = []
    for spec in program.graph_signature.input_specs:
        if spec.kind is torch.export.graph_signature.InputKind.USER_INPUT:
            given.append(spec.arg.name)
        else:
            constants[spec.arg.name] = held[str(spec.target)].detach()
    for node in list(nodes.nodes):
        if node.target in CHECKS:
            nodes.erase_node(node)
        elif node.target in NORMS:
            _without_norm(nodes, node, constants)
    _fold(nodes, constants)
    nodes.eliminate_dead_code()
    by_name = {node.name: node for node in nodes.nodes}
    (output,) = (node for node in nodes.nodes if node.op == "output")
    results = output.args[0]
    return Graph(
        nodes=nodes,
        constants=constants,
        inputs=tuple(by_name[name] for name in given),
        outputs=tuple(results if isinstance(results, tuple | list) else (results,)),
    )


def _without_norm(nodes: fx.Graph, norm: fx.Node, constants: dict[str, Tensor]) -> None:
    """Fold a batch norm into the convolution that it alone reads, or make it a product and a sum."""
    x = norm.args[0]
    assert isinstance(x, fx.Node)
    weight, bias, mean, variance = (_held(constants, node) for node in norm.args[1:5])
    assert mean is not None
    assert variance is not None
    scale = torch.rsqrt(variance + float(norm.args[-1]))  # type: ignore[arg-type]
    scale = scale if weight is None else scale * weight
    shift = -mean * scale if bias is None else bias - mean * scale
    place = {
        "nn_module_stack": norm.meta.get("nn_module_stack", {}),
        "custom": norm.meta.get("custom"),
    }

    def constant(name: str, value: Tensor) -> fx.Node:
        with nodes.inserting_before(next(iter(nodes.nodes))):
            made = nodes.placeholder(f"{norm.name}_{name}")
        made.meta = {**place, "val": value}
        constants[made.name] = value
        return made

    (taken,) = (user for user in norm.users if user.args[1] == 0)
    weights = _held(constants, x.args[1]) if _folds(x) else None
    if weights is not None:
        before = _held(constants, x.args[2])
        shape = [-1] + [1] * (weights.dim() - 1)
        x.update_arg(1, constant("weight", weights * scale.view(shape)))
        x.update_arg(2, constant("bias", shift if before is None else before * scale + shift))
        taken.replace_all_uses_with(x)
        return
    shape = [-1] + [1] * (taken.meta["val"].dim() - 2)
    product = _call(nodes, taken, ATEN.mul.Tensor, (x, constant("scale", scale.view(shape))))
    total = _call(nodes, taken, ATEN.add.Tensor, (product, constant("shift", shift.view(shape))))
    taken.replace_all_uses_with(total)


def _fold(nodes: fx.Graph, constants: dict[str, Tensor]) -> None:
    """Compute what depends on weights alone: it is the same at every step."""
    for node in list(nodes.nodes):
        if node.op != "call_function" or not isinstance(node.meta.get("val"), Tensor):
            continue
        known = all(_held(constants, before) is not None for before in node.all_input_nodes)
        if not known or node.meta["val"].dtype not in FOLDED:
            continue
        args, named = (
            fx.node.map_arg(part, lambda n: constants[n.name]) for part in (node.args, node.kwargs)
        )
        with nodes.inserting_before(next(iter(nodes.nodes))):
            made = nodes.placeholder(f"{node.name}_folded")
        made.meta = dict(node.meta)
        constants[made.name] = node.target(*args, **named)
        node.replace_all_uses_with(made)


def _held(constants: Mapping[str, Tensor], node: Any) -> Tensor | None:
    return constants.get(node.name) if isinstance(node, fx.Node) else None


def _folds(x: fx.Node) -> bool:
    """Whether a node is a convolution, not a transposed one, that one node alone reads."""
    return x.target is ATEN.convolution.default and len(x.users) == 1 and not x.args[6]


def _call(nodes: fx.Graph, place: fx.Node, target: Any, args: tuple[Any, ...]) -> fx.Node:
    with nodes.inserting_before(place):
        node = nodes.call_function(target, args)
    node.meta = dict(place.meta)
    return node
