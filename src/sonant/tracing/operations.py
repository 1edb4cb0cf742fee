"""What a traced network does as it runs: small operations, each with a memory of its own or none.

Tensors keep the layout that the module gave them. A memory is one tensor [batch, ..., frames] that begins
as zeros.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor
from torch.nn import functional as F

from sonant.nn.streaming import State, joined
from sonant.tracing.timing import Timeline


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What operations know of the call they run in."""

    batch: int
    """Streams."""
    heard: Tensor | None = None
    """Input frames of each stream so far, [batch, 1], counted as far as it matters."""
    clip: int | None = None
    """While a stream is finished: how many frames of this call are of the clip, and not behind its end."""

    def alive(self, line: Timeline, frames: int, *, before: int = 0, begun: bool = False) -> Tensor:
        """Which frames the module has too, [batch or 1, before + frames]; others lie outside its clip.

        With `begun`, only its end is looked for.
        """
        index = torch.arange(-before, frames)
        alive = (index == index)[None]
        if self.heard is not None and not begun:
            index = index.to(self.heard.device)
            alive = self.heard / line.hop + index >= line.lag
        if self.clip is not None:
            alive = alive & (index - line.lag < line.length(self.clip))
        return alive


@dataclass(frozen=True, slots=True)
class Slot:
    """In the arguments of a call: the input with this number."""

    number: int


@dataclass(frozen=True, slots=True)
class Size:
    """In the arguments of a call: how long this axis of the first input is now."""

    axis: int
    over: int = 1
    """Divided by this."""


class Operation(ABC):
    """One step of the way."""

    def initial(self, like: Tensor) -> State:
        """Its memory before the first frame."""
        return ()

    @abstractmethod
    def run(self, inputs: Sequence[Tensor], memory: State, moment: Moment) -> tuple[Any, State]:
        """The next frames, and the memory behind them."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Operation):
    """An operator that treats every frame by itself, called as the module calls it."""

    target: Callable[..., Any]
    """The operator."""
    args: tuple[Any, ...]
    """With slots and sizes yet to be filled in."""
    kwargs: dict[str, Any]
    """The same, by name."""

    def run(self, inputs: Sequence[Tensor], memory: State, moment: Moment) -> tuple[Any, State]:
        """As in the module."""
        args = filled(self.args, inputs, moment)
        return self.target(*args, **filled(self.kwargs, inputs, moment)), ()


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Hold(Operation):
    """A signal, some frames later."""

    shape: tuple[int, ...]
    """[channels, ...] of one frame."""
    axes: tuple[int, int]
    """Batch and time."""
    frames: int
    """How much later."""
    folded: bool = False
    """Whether frames stand in the batch."""

    def initial(self, like: Tensor) -> State:
        """Silence."""
        return like.new_zeros(like.shape[0], *self.shape, self.frames)

    def run(self, inputs: Sequence[Tensor], memory: State, moment: Moment) -> tuple[Any, State]:
        """What came in `frames` ago."""
        x = inputs[0]
        batch, time = self.axes
        if self.folded:
            x = unflattened(x, batch, moment.batch, -1)
        x = joined(memory, x.movedim((batch, time), (0, -1)))
        cut = x.shape[-1] - self.frames
        y = x[..., :cut].movedim((0, -1), (batch, time))
        return (y.flatten(batch, batch + 1) if self.folded else y), x[..., cut:]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Mask(Operation):
    """Zeros where the module has no frame: what its next layer pads with, on either side of a clip."""

    line: Timeline
    """Of the signal."""
    axes: tuple[int, int]
    """Batch and time."""
    left: bool
    """Whether anything is given before the module's first frame."""
    right: bool
    """Whether frames behind the module's last one are looked at."""

    def run(self, inputs: Sequence[Tensor], memory: State, moment: Moment) -> tuple[Any, State]:
        """The signal between its first and its last frame."""
        x = inputs[0]
        if not self.left and not (self.right and moment.clip is not None):
            return x, ()
        batch, time = self.axes
        alive = moment.alive(self.line, x.shape[time], begun=not self.left).to(x.device)
        return torch.where(along(alive, x.dim(), batch, time), x, x.new_zeros(())), ()


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Window(Operation):
    """Any operator over windows of time: a convolution, a pooling."""

    shape: tuple[int, ...]
    """[channels, ...] of one frame."""
    axes: tuple[int, int]
    """Batch and time."""
    memory: int
    """Past frames to keep; below 0: frames to skip at the front of every call."""
    slack: int
    """Newest frames that no window has reached yet."""
    call: Call
    """The operator, on windows that lie whole inside its input."""
    outside: Timeline | None = None
    """Where what lies outside the clip counts as minus infinity: the signal's time."""

    def initial(self, like: Tensor) -> State:
        """Silence, as long as windows overlap."""
        if self.memory <= 0:
            return ()
        return like.new_zeros(like.shape[0], *self.shape, self.memory)

    def run(self, inputs: Sequence[Tensor], memory: State, moment: Moment) -> tuple[Any, State]:
        """Slide over the past that is kept and the frames that are new."""
        batch, time = self.axes
        frames, keep = inputs[0].shape[time], max(0, self.memory)
        x = inputs[0].movedim((batch, time), (0, -1))
        x = joined(memory, x) if keep else x
        kept = x[..., x.shape[-1] - keep :] if keep else ()
        if self.outside is not None:
            alive = moment.alive(self.outside, frames, before=keep).to(x.device)
            x = x.masked_fill(~along(alive, x.dim(), 0, x.dim() - 1), float("-inf"))
        x = x[..., max(0, -self.memory) : x.shape[-1] - self.slack]
        y, _ = self.call.run([x.movedim((0, -1), (batch, time)), *inputs[1:]], (), moment)
        if self.outside is not None:
            # A window wholly outside the clip is no frame of the module; it must still be a number.
            y = y.masked_fill(y == float("-inf"), 0)
        return y, kept


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Recall(Operation):
    """The last `span` frames at every frame, with the frames in the batch: [batch * frames, ..., span]."""

    shape: tuple[int, ...]
    """[channels, ...] of one frame."""
    axes: tuple[int, int]
    """Batch and time."""
    span: int
    """Frames of the window."""
    reduce: str = ""
    """`mean`, `sum` or `amax`: the window as one frame instead, without drawing it out."""

    def initial(self, like: Tensor) -> State:
        """Silence."""
        return like.new_zeros(like.shape[0], *self.shape, self.span - 1)

    def run(self, inputs: Sequence[Tensor], memory: State, moment: Moment) -> tuple[Any, State]:
        """One window for each new frame."""
        batch, time = self.axes
        x = joined(memory, inputs[0].movedim((batch, time), (0, -1)))
        kept = x[..., x.shape[-1] - self.span + 1 :]
        if self.reduce:
            y = self._reduced(x.flatten(1, -2) if x.dim() > 2 else x[:, None])
            y = unflattened(y, 1, *self.shape) if self.shape else y[:, 0]
            y = y.unsqueeze(-1)
        else:
            y = x.unfold(-1, self.span, 1)
        # [batch, ..., frames, span]: frames go into the batch, the window to where time was.
        y = y.movedim(-2, 1).flatten(0, 1)
        return y.movedim((0, -1), (batch, time)), kept

    def _reduced(self, x: Tensor) -> Tensor:
        if self.reduce == "amax":
            return F.max_pool1d(x, self.span, 1)
        return F.avg_pool1d(x, self.span, 1) * (self.span if self.reduce == "sum" else 1)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Fold(Operation):
    """Frames into the batch; an axis of one element stays where time was, or none."""

    axes: tuple[int, int]
    """Batch and time."""
    keep: bool
    """Whether an axis of one element stays."""

    def run(self, inputs: Sequence[Tensor], memory: State, moment: Moment) -> tuple[Any, State]:
        """[..., batch * frames, ...]."""
        batch, time = self.axes
        x = inputs[0].movedim((batch, time), (0, 1)).flatten(0, 1)
        if not self.keep:
            return x.movedim(0, batch - (time < batch)), ()
        return x.unsqueeze(-1).movedim((0, -1), (batch, time)), ()


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Unfold(Operation):
    """Frames out of the batch again, behind it."""

    batch: int
    """The axis they stand in."""

    def run(self, inputs: Sequence[Tensor], memory: State, moment: Moment) -> tuple[Any, State]:
        """[..., batch, frames, ...]."""
        return unflattened(inputs[0], self.batch, moment.batch, -1), ()


def unflattened(x: Tensor, axis: int, *sizes: int) -> Tensor:
    """One axis as several."""
    return x.reshape(*x.shape[:axis], *sizes, *x.shape[axis + 1 :])


def along(alive: Tensor, rank: int, batch: int, time: int) -> Tensor:
    """A mask [batch, frames] so that it meets the axes of a tensor."""
    axes = (batch, time) if batch < time else (time, batch)
    mask = alive if batch < time else alive.T
    shape = [1] * rank
    shape[axes[0]], shape[axes[1]] = mask.shape
    return mask.reshape(shape)


def filled(template: Any, inputs: Sequence[Tensor], moment: Moment) -> Any:
    """Arguments with their tensors and sizes put in."""
    if isinstance(template, Slot):
        return inputs[template.number]
    if isinstance(template, Size):
        return inputs[0].shape[template.axis] // template.over
    if isinstance(template, list | tuple):
        return [filled(part, inputs, moment) for part in template]
    if isinstance(template, dict):
        return {name: filled(part, inputs, moment) for name, part in template.items()}
    return template
