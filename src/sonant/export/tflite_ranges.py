"""Ranges of values for 8-bit graphs, calibrated as a stream runs: over long audio, never reset.

Each ends where least is lost of all that was heard, not at the greatest value (`least_error`).

What must share one scale is tied into one group first: the ends of a state, and everything that is only
cut, joined or turned on the way between them. A state that leaves a step then enters the next one bit by
bit as it was, and nothing drifts.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import torch
from torch import Tensor, fx

from sonant.export.least_error import PARTS, narrowed
from sonant.export.translate_graph import ATEN, inside
from sonant.export.translate_step import Exportable

Range: TypeAlias = tuple[float, float]
"""Least and largest value; zero lies between them."""

MOVING: Final = frozenset(
    {
        ATEN.view.default, ATEN._unsafe_view.default, ATEN.reshape.default, ATEN.unsqueeze.default,
        ATEN.squeeze.dims, ATEN.squeeze.dim, ATEN.squeeze.default, ATEN.permute.default,
        ATEN.transpose.int, ATEN.t.default, ATEN.expand.default, ATEN.repeat.default,
        ATEN.slice.Tensor, ATEN.select.int, ATEN.split.Tensor, ATEN.split_with_sizes.default,
        ATEN.cat.default, ATEN.constant_pad_nd.default, ATEN.clone.default, ATEN.alias.default,
        ATEN.max_pool2d_with_indices.default, ATEN.avg_pool1d.default, ATEN.avg_pool2d.default,
        ATEN.amax.default, ATEN.flip.default, ATEN.index_select.default, operator.getitem,
    }
)  # fmt: skip
"""Operators whose 8-bit kernels keep the scale of what they are given."""

FIXED: Final[Mapping[Any, Range]] = {
    ATEN.sigmoid.default: (0.0, 255 / 256),
    ATEN._softmax.default: (0.0, 255 / 256),
    ATEN.tanh.default: (-1.0, 127 / 128),
}
"""Operators whose 8-bit kernels answer in one range always."""

FUSING: Final = frozenset(
    {ATEN.convolution.default, ATEN.addmm.default, ATEN.add.Tensor, ATEN.mm.default}
)
FUSED: Final = frozenset({ATEN.relu.default, ATEN.hardtanh.default})
"""Activations that become a part of the operator before them, which then has no range of its own."""

NARROWEST = 1e-4
"""Least width of a range: values that never changed are given a scale all the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranges:
    """Where a graph is 8-bit, and in what ranges."""

    groups: Mapping[str, Range]
    """Range by the name of a node; nodes of one group have the same."""
    fixed: Mapping[str, Range]
    """Range that a node's own kernel insists on, before that of its group."""


def calibrated(
    model: Exportable, heard: Sequence[Tensor], *, float_layers: Sequence[str] = (),
    given: Mapping[int, Range] = MappingProxyType({}),
) -> Ranges:  # fmt: skip
    """Ranges of a step graph, its states evolving from silence over `heard`, or of a whole clip's.

    `heard` is a step's input after the other, or batches of clips, each [batch, *shape]. Layers named in
    `float_layers`, such as a front end, and what they alone read stay as they are. `given` sets
    the range of inputs, by their number.
    """
    seen: dict[str, Range] = {}
    _hear(model, heard, lambda name, value: _widen(seen, name, value))
    groups = _tied(model, _eight_bit(model, float_layers))
    by_name = {node.name: node for node in model.graph.nodes.nodes}
    fixed = {name: FIXED[by_name[name].target] for name in groups if by_name[name].target in FIXED}
    wide: dict[str, Range] = {}
    adding = {name: root for name, root in groups.items() if _adds(by_name[name], groups)}
    for name, root in groups.items():
        low, high = wide.setdefault(root, (0.0, 0.0))
        if name in adding:
            least, most = fixed.get(name, seen.get(name, (0.0, 0.0)))
            wide[root] = min(low, least), max(high, most)
    told = {groups[model.graph.inputs[at].name]: value for at, value in given.items()}
    kept = {groups[name] for name in fixed} | told.keys()
    counted = {name: root for name, root in adding.items() if root not in kept}
    best = wide | _narrowed(model, heard, wide=wide, counted=counted) | told
    return Ranges(
        groups={
            name: _room(best[root]) for name, root in groups.items() if _anchors(by_name[name])
        },
        fixed=fixed,
    )


def _narrowed(
    model: Exportable, heard: Sequence[Tensor], *, wide: Mapping[str, Range], counted: Mapping[str, str]
) -> dict[str, Range]:  # fmt: skip
    """The ranges in which least is lost of what all nodes of a group say, counted at another hearing."""
    counts = {root: torch.zeros(PARTS, dtype=torch.float64) for root in counted.values()}

    def count(name: str, value: Tensor) -> None:
        root = counted.get(name)
        if root is not None and wide[root][0] < wide[root][1]:
            low, high = wide[root]
            counts[root] += torch.histc(value[value != 0].float(), PARTS, low, high)

    _hear(model, heard, count)
    return {root: narrowed(wide[root], there.numpy()) for root, there in counts.items()}


def _hear(model: Exportable, heard: Sequence[Tensor], note: Callable[[str, Tensor], None]) -> None:
    """Run over all of it, from silence, and note each node's values."""
    states = model.silence(heard[0].shape[0])
    with torch.no_grad():
        for step in heard:
            _, *states = _watched(model, [step, *states], note)


def _widen(seen: dict[str, Range], name: str, value: Tensor) -> None:
    low, high = (float(end) for end in torch.aminmax(value))
    before = seen.get(name, (0.0, 0.0))
    seen[name] = min(low, before[0]), max(high, before[1])


def _watched(
    model: Exportable, values: Sequence[Tensor], note: Callable[[str, Tensor], None]
) -> list[Any]:
    """Run once and note what was seen of each node."""

    def noted(node: fx.Node, value: Any) -> Any:
        if isinstance(value, Tensor) and value.is_floating_point() and value.numel():
            note(node.name, value)
        return value

    for node, value in zip(model.graph.inputs, values, strict=True):
        noted(node, value)

    def apply(node: fx.Node, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        return noted(node, node.target(*args, **named))  # type: ignore[operator]

    return model.graph.run(values, apply=apply, constant=_same)


def _eight_bit(model: Exportable, float_layers: Sequence[str]) -> set[fx.Node]:
    """Nodes that depend on the input and lie behind the layers that stay float, with what enters them."""
    moving = set(model.graph.inputs)
    for node in model.graph.nodes.nodes:
        if node.op == "call_function" and moving.intersection(node.all_input_nodes):
            moving.add(node)
    floating = {node for node in moving if inside(node, float_layers)}
    for node in reversed(model.graph.nodes.nodes):  # what only leads there stays float too
        if floating.intersection(node.users):
            floating.add(node)
    chosen = moving - floating
    return chosen | {node for node in moving & floating if chosen.intersection(node.users)}


def _tied(model: Exportable, chosen: set[fx.Node]) -> dict[str, str]:
    """The group of each node, as the name of one in it."""
    parent = {node: node for node in chosen}

    def root(node: fx.Node) -> fx.Node:
        while parent[node] is not node:
            node = parent[node]
        return node

    def tie(one: fx.Node, other: fx.Node) -> None:
        if one in parent and other in parent:
            parent[root(one)] = root(other)

    for node in chosen:
        if node.target in MOVING:
            for source in node.all_input_nodes:
                tie(node, source)
    for before, after in zip(model.graph.inputs[1:], model.graph.outputs[1:], strict=True):
        tie(before, after)
    return {node.name: root(node).name for node in chosen}


def _adds(node: fx.Node, groups: Mapping[str, str]) -> bool:
    """Whether a node brings values into its group that no other node of it has."""
    return node.target not in MOVING or any(
        source.name not in groups for source in node.all_input_nodes
    )


def _anchors(node: fx.Node) -> bool:
    """Whether a node's range is written down; others have it from what they are given."""
    value = node.meta.get("val")
    if not isinstance(value, Tensor) or not value.is_floating_point():
        return False
    users = list(node.users)
    if node.target in FUSING and len(users) == 1 and _activates(users[0]):
        return False
    return node.target is ATEN.cat.default or node.target not in MOVING


def _activates(node: fx.Node) -> bool:
    return node.target in FUSED or (
        node.target is ATEN.clamp.default and tuple(node.args[1:]) == (0, 6)
    )


def _room(value: Range) -> Range:
    low, high = value
    return (low, high) if high - low >= NARROWEST else (low, low + NARROWEST)


def _same(value: Any) -> Any:
    return value
