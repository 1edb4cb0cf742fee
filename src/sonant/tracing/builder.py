"""The streaming form of a graph while it is built, one operation after the other.

A `Site` is one node of the module's graph with what its rule needs to know: its arguments as signals, its
shapes, how to refuse it. The `Builder` adds the operations that rules ask for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

from torch import fx

from sonant.errors import ModelError
from sonant.tracing.capture import in_new_memory, operation, place
from sonant.tracing.operations import (
    Call,
    Fold,
    Hold,
    Mask,
    Operation,
    Recall,
    Slot,
    Unfold,
    Window,
)
from sonant.tracing.signals import Signal, inserted, removed
from sonant.tracing.timing import Timeline, together

Args = dict[str, Any]
Target = Callable[..., Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One operation in its place."""

    operation: Operation
    """What is done."""
    inputs: tuple[int, ...]
    """Slots it reads."""
    output: int
    """The slot it fills."""
    place: str
    """The layer that asked for it."""


@dataclass(slots=True, kw_only=True)
class Builder:
    """Steps so far."""

    clip_known: bool
    """Whether the example is as long as a clip, so that a pooling over the clip has a length."""
    steps: list[Step] = field(default_factory=list)
    slots: int = 0
    place: str = ""

    def slot(self) -> int:
        """A new place for a tensor."""
        self.slots += 1
        return self.slots - 1

    def add(self, operation: Operation, inputs: Sequence[Signal], output: Signal) -> Signal:
        """One more operation; a signal of a single frame is folded at once."""
        output = replace(output, slot=self.slot())
        self.steps.append(
            Step(
                operation=operation,
                inputs=tuple(signal.slot for signal in inputs),
                output=output.slot,
                place=self.place,
            )
        )
        single = output.moving and output.when.frames == 1
        return self.fold(output, keep=True) if single else output

    def call(
        self, target: Target, args: Args, output: Signal, *, first: Signal | None = None
    ) -> Signal:
        """An operator that has no memory, with these arguments; sizes are those of `first`."""
        call, inputs = template(target, args, first)
        return self.add(call, inputs, output)

    def settled(self, signal: Signal) -> Signal:
        """With the zeros given out that were put before its first frame."""
        return self.held(signal, max(0, -signal.when.lag)) if not signal.still else signal

    def held(self, signal: Signal, frames: int) -> Signal:
        """`frames` later."""
        if not frames:
            return signal
        batch = signal.batch or 0
        axes = signal.axes if signal.moving else (batch, batch + 1)
        dropped = axes if signal.moving else (batch,)
        hold = Hold(
            shape=without(signal.shape, dropped), axes=axes, frames=frames, folded=signal.folded
        )
        return self.add(hold, [signal], replace(signal, line=signal.when.held(frames)))

    def balanced(self, signals: Sequence[Signal]) -> list[Signal]:
        """The faster ones held back until all are in step; those that stand still as they are."""
        latest = max(0, *(signal.when.lag for signal in signals if not signal.still), 0)
        held = [
            signal if signal.still else self.held(signal, latest - signal.when.lag)
            for signal in signals
        ]
        line = together([signal.when for signal in held if not signal.still])
        return [signal if signal.still else replace(signal, line=line) for signal in held]

    def padded(self, signal: Signal, left: int, right: int) -> Signal:
        """With zeros around it in time; fewer than none cuts frames off."""
        signal = self.ended(signal) if right > 0 else signal
        line = signal.when
        mask = Mask(line=line, axes=signal.axes, left=left > 0 and line.lag > 0, right=right > 0)
        if mask.left or mask.right:
            signal = self.add(mask, [signal], signal)
        return self.shifted(signal, line.padded(left, right))

    def ended(self, signal: Signal) -> Signal:
        """Held back by as many frames as the module cuts off at the end of a clip.

        A stream learns of the end only there: what it has given out by then cannot become zero again.
        """
        early = -signal.when.owed(0)
        return self.held(self.settled(signal), early // signal.when.hop) if early > 0 else signal

    def shifted(self, signal: Signal, line: Timeline) -> Signal:
        """The same tensor under another count of frames."""
        shape = list(signal.shape)
        shape[signal.axes[1]] = line.frames
        signal = signal.as_shape(shape, line=line)
        return self.fold(signal, keep=True) if line.frames == 1 else signal

    def windowed(
        self, x: Signal, target: Target, args: Args, shape: Sequence[int], *,
        span: int, stride: int, outside: Timeline | None = None,
    ) -> Signal:  # fmt: skip
        """An operator over windows of time that lie whole inside `x`; `shape` is the module's."""
        line = x.when.windowed(span, stride)
        memory = x.when.memory(stride, line.lag)
        call, inputs = template(target, args, x)
        window = Window(
            shape=without(x.shape, x.axes), axes=x.axes, memory=memory, call=call,
            slack=memory + stride - span, outside=outside,
        )  # fmt: skip
        sizes = list(shape)
        sizes[x.axes[1]] = line.frames
        return self.add(window, inputs, x.as_shape(sizes, line=line))

    def fold(self, signal: Signal, *, keep: bool) -> Signal:
        """Frames into the batch; an axis of one element stays in place of time, or none."""
        batch, time = signal.axes
        shape = list(signal.shape)
        if keep:
            shape[time] = 1
            where = batch
        else:
            shape.pop(time)
            where = batch - (time < batch)
            shape[where] *= signal.when.frames
        fold = Fold(axes=signal.axes, keep=keep)
        return self.add(fold, [signal], signal.as_shape(shape, batch=where, time=None))

    def unfolded(self, signal: Signal) -> Signal:
        """Frames out of the batch, behind it."""
        batch = signal.batch or 0
        shape = list(signal.shape)
        shape[batch] //= signal.when.frames
        shape.insert(batch + 1, signal.when.frames)
        output = signal.as_shape(shape, time=batch + 1)
        # Not through `add`: a single frame would be folded again.
        output = replace(output, slot=self.slot())
        self.steps.append(
            Step(
                operation=Unfold(batch=batch), inputs=(signal.slot,), output=output.slot,
                place=self.place,
            )
        )  # fmt: skip
        return output

    def recalled(self, site: Site, signal: Signal, *, reduce: str = "") -> Signal:
        """The whole clip at every frame: the window of as many frames as the example has."""
        signal = self.settled(signal)
        frames = signal.when.frames
        if not self.clip_known:
            site.refuse(
                "it takes the whole clip together, and no clip was given to say how long that is",
                "give an example of a clip's length, or frames=",
            )
        shape = list(signal.shape)
        shape[signal.axes[1]] = 1 if reduce else frames
        recall = Recall(
            shape=without(signal.shape, signal.axes), axes=signal.axes, span=frames, reduce=reduce
        )
        line = signal.when.windowed(frames, 1)
        return self.add(recall, [signal], signal.as_shape(shape, line=line, time=None))


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One node of the module's graph."""

    node: fx.Node
    """As it was captured."""
    args: Args
    """Its arguments by the operator's own names, with signals in them."""
    builder: Builder
    """Where its operations go."""

    @property
    def name(self) -> str:
        """The operator."""
        return operation(self.node)

    @property
    def target(self) -> Target:
        """The operator itself, in the form that leaves its input as it is."""
        target: Target = in_new_memory(self.node)
        return target

    @property
    def shape(self) -> tuple[int, ...]:
        """Of what the module gives here for the example."""
        value = self.node.meta["val"]
        return tuple(int(size) for size in value.shape)

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """The same for an operator that gives several."""
        return [tuple(int(size) for size in value.shape) for value in self.node.meta["val"]]

    def signals(self) -> list[Signal]:
        """Every signal among its arguments."""
        return found(self.args)

    def refuse(self, why: str, instead: str) -> NoReturn:
        """Say what cannot stream, where, why, and what to do about it."""
        raise ModelError(f"{place(self.node)} cannot stream: {why}; {instead}")

    def untimed(self, signal: Signal, dims: Sequence[int], why: str, instead: str) -> None:
        """Refuse if time or the batch is among these axes."""
        axes = {signal.axis(dim) for dim in dims}
        if signal.time in axes:
            self.refuse(why, instead)
        if signal.batch in axes:
            self.refuse(
                "it works across the batch, so that streams are mixed", "leave axis 0 alone"
            )


def found(value: Any) -> list[Signal]:
    """Every signal in nested arguments."""
    if isinstance(value, Signal):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [signal for part in value for signal in found(part)] if isinstance(value, list) else []


def template(target: Target, args: Args, first: Signal | None = None) -> tuple[Call, list[Signal]]:
    """A call whose signals are to be filled in, and those signals in order."""
    inputs = [] if first is None else [first]

    def placed(value: Any) -> Any:
        if isinstance(value, Signal):
            slots = [signal.slot for signal in inputs]
            if value.slot not in slots:
                inputs.append(value)
                slots.append(value.slot)
            return Slot(slots.index(value.slot))
        return [placed(part) for part in value] if isinstance(value, list) else value

    filled = {name: placed(value) for name, value in args.items()}
    schema = getattr(target, "_schema", None)
    names = list(args) if schema is None else [a.name for a in schema.arguments if not a.kwarg_only]
    front = tuple(filled.pop(name) for name in names if name in filled)
    return Call(target=target, args=front, kwargs=filled), inputs


def without(shape: Sequence[int], axes: Sequence[int]) -> tuple[int, ...]:
    """A shape without these axes."""
    return tuple(size for axis, size in enumerate(shape) if axis not in axes)


def dropped(signal: Signal, shape: Sequence[int], dims: Sequence[int]) -> Signal:
    """A signal of which the axes `dims` are gone."""
    dims = [signal.axis(dim) for dim in dims]
    return signal.as_shape(
        shape, batch=removed(signal.batch, dims), time=removed(signal.time, dims)
    )


def widened(signal: Signal, shape: Sequence[int], dim: int) -> Signal:
    """A signal that has got a new axis at `dim`."""
    return signal.as_shape(
        shape, batch=inserted(signal.batch, dim), time=inserted(signal.time, dim)
    )
