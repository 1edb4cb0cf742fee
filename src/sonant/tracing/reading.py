"""From a captured graph to the steps of a stream: every node by its rule, in the module's order."""

from __future__ import annotations

import operator
from dataclasses import dataclass, replace
from typing import Any, Final

import torch
from torch import Tensor, fx

from sonant.errors import ModelError
from sonant.tracing.builder import Builder, Site, Step, found
from sonant.tracing.capture import Captured, arguments, operation, place, plain, quoted, scopes
from sonant.tracing.operations import Mask, Window
from sonant.tracing.recurrence import Recurrent
from sonant.tracing.rules import CONSTANTS, LAYERS, REFUSED, RULES
from sonant.tracing.signals import Signal
from sonant.tracing.timing import Timeline

IGNORED: Final = frozenset(("_assert_tensor_metadata", "_assert_scalar"))
"""Operators that compute nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Landmark:
    """A node of the module's graph and where the stream has it."""

    node: str
    """Its name in the graph."""
    place: str
    """As the author of the module knows it."""
    signal: Signal
    """Its place in the stream."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All that a stream does, and how it compares with the module."""

    steps: tuple[Step, ...]
    """In the order they run; none that nothing depends on."""
    input: Signal
    """What comes in, as the module takes it."""
    output: Signal
    """What goes out, as the module gives it."""
    weights: dict[int, str]
    """Slots that are parameters or buffers of the module, by name."""
    constants: dict[int, str]
    """Slots that are tensors the module made as it ran, by their names in the graph."""
    landmarks: tuple[Landmark, ...]
    """Every value with time that the module and the stream both have."""

    @property
    def counted(self) -> int:
        """Input frames up to which a stream has to know how many it has heard; 0: it need not know."""
        return max((reach(step) for step in self.steps), default=0)


def reach(step: Step) -> int:
    """How long after the beginning of a stream an operation asks whether the clip has begun."""
    operation = step.operation
    line: Timeline | None = None
    memory = 0
    if isinstance(operation, Mask) and operation.left:
        line = operation.line
    elif isinstance(operation, Recurrent):
        line = operation.hold
    elif isinstance(operation, Window) and operation.outside is not None:
        line, memory = operation.outside, max(0, operation.memory)
    return 0 if line is None else (max(0, line.lag) + memory) * line.hop


def read(graph: Captured, example: Tensor, *, time_axis: int, clip_known: bool) -> Plan:
    """Every node by its rule; ModelError for the first one that cannot stream."""
    builder = Builder(clip_known=clip_known)
    shape = tuple(example.shape)
    entry = Signal(
        shape=shape, batch=0, time=time_axis, line=Timeline(frames=shape[time_axis]),
        slot=builder.slot(),
    )  # fmt: skip
    known: dict[fx.Node, Any] = {}
    weights: dict[int, str] = {}
    constants: dict[int, str] = {}
    result: Any = None
    for node in graph.nodes:
        builder.place = (scopes(node) or [("", "")])[-1][0]
        if node.op == "placeholder":
            known[node] = _placeholder(graph, node, builder, entry, weights, constants)
        elif node.op == "output":
            result = _single(node, known)
        elif node.op != "call_function":
            raise ModelError(
                f"{place(node)} cannot stream: {node.op} {node.target} is unknown here"
            )
        elif operation(node) not in IGNORED and (node.users or operation(node) != "getitem"):
            _read(node, known, builder)
    output = builder.settled(result)
    if output.still:
        raise ModelError("the module's answer does not depend on its input")
    steps = needed(builder.steps, output)
    used = {slot for step in steps for slot in (*step.inputs, step.output)}
    return Plan(
        steps=steps, input=entry, output=output,
        weights={slot: name for slot, name in weights.items() if slot in used},
        constants={slot: name for slot, name in constants.items() if slot in used},
        landmarks=_landmarks(known, used),
    )  # fmt: skip


def _placeholder(
    graph: Captured, node: fx.Node, builder: Builder, entry: Signal,
    weights: dict[int, str], constants: dict[int, str],
) -> Signal:  # fmt: skip
    if node.name not in graph.weights and node.name not in graph.constants:
        return entry
    slot = builder.slot()
    if node.name in graph.weights:
        weights[slot] = graph.weights[node.name]
    else:
        constants[slot] = node.name
    return Signal(shape=tuple(int(size) for size in node.meta["val"].shape), slot=slot)


def _read(node: fx.Node, known: dict[fx.Node, Any], builder: Builder) -> None:
    args = {name: _looked_up(value, known) for name, value in arguments(node).items()}
    site = Site(node=node, args=args, builder=builder)
    name = plain(site.name)
    timed = [signal for signal in found(args) if not signal.still]
    if name == "getitem" or (timed and name not in ("new_zeros", "new_ones", "new_full")):
        known[node] = _ruled(site, name, timed)
    else:
        known[node] = _constant(site, name)
    if name != site.name and node.args and isinstance(node.args[0], fx.Node):
        # Written in place: whoever reads the first argument from here on reads the result.
        known[node.args[0]] = known[node]


def _ruled(site: Site, name: str, timed: list[Signal]) -> Any:
    if any(signal.moving for signal in timed):
        for path, kind in scopes(site.node):
            if kind in LAYERS:
                why, instead = LAYERS[kind]
                raise ModelError(f"{quoted(path)} ({kind}) cannot stream: {why}; {instead}")
    if name in REFUSED:
        site.refuse(*REFUSED[name])
    if name not in RULES:
        site.refuse(
            f"no rule says what the operator {site.node.target} does to time",
            "write it with operators that have one (see docs/stream-your-own.md)",
        )
    return RULES[name](site)


def _constant(site: Site, name: str) -> Any:
    value = site.node.meta["val"]
    if isinstance(value, tuple | list):
        whole = site.builder.call(site.target, site.args, Signal(shape=()))
        return [
            site.builder.call(
                operator.getitem, {"0": whole, "1": number}, Signal(shape=tuple(part.shape))
            )
            for number, part in enumerate(value)
        ]
    if not isinstance(value, Tensor):
        site.refuse(f"{site.name} gives no tensor", "leave it out of forward")
    whole = site.builder.call(site.target, site.args, Signal(shape=site.shape))
    return replace(whole, zero=name in CONSTANTS)


def _looked_up(value: Any, known: dict[fx.Node, Any]) -> Any:
    if isinstance(value, fx.Node):
        return known[value]
    if isinstance(value, list | tuple):
        return [_looked_up(part, known) for part in value]
    return value


def _single(node: fx.Node, known: dict[fx.Node, Any]) -> Signal:
    given = node.args[0]
    results = list(given) if isinstance(given, list | tuple) else [given]
    signal = known.get(results[0]) if isinstance(results[0], fx.Node) else None
    if len(results) != 1 or not isinstance(signal, Signal):
        raise ModelError(
            f"the module gives {len(results)} tensors, and a stream gives one; wrap it in a module that "
            f"returns the one that is wanted"
        )
    return signal


def needed(steps: list[Step], output: Signal) -> tuple[Step, ...]:
    """The steps that the output depends on."""
    wanted, kept = {output.slot}, []
    for step in reversed(steps):
        if step.output in wanted:
            wanted.update(step.inputs)
            kept.append(step)
    return tuple(reversed(kept))


def _landmarks(known: dict[fx.Node, Any], used: set[int]) -> tuple[Landmark, ...]:
    return tuple(
        Landmark(node=node.name, place=place(node), signal=signal)
        for node, signal in known.items()
        if isinstance(signal, Signal) and not signal.still and signal.slot in used
        and isinstance(node.meta.get("val"), torch.Tensor)
    )  # fmt: skip
