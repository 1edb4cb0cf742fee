"""Causal maps over time: one definition, four ways to run it.

A `Streamable` is written once, as `step(x, state) -> (y, state)`. Everything else follows:

    whole signal        model(x)                        state begun and dropped: training, files
    external state      model.step(x, state)            the caller keeps it: what is exported
    internal state      Session(model).push(x)          the session keeps it; any number of samples
    many streams        model.step(cat(x), cat(states)) streams of any age in one batch

Time is always the last axis: [batch, channels, frames] or [batch, channels, bins, frames]. A state is
a nested tuple of tensors, batch first; a stream begins with silence, so a fresh state is all zeros.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import TypeAlias, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sonant.errors import ModelError
from sonant.nn.states import (
    State,
    join_states,
    joined,
    map_state,
    named_leaves,
    split_state,
    state_bytes,
    with_leaves,
)

__all__ = [
    "Chain",
    "Delay",
    "Frames",
    "Pointwise",
    "Residual",
    "Session",
    "State",
    "Streamable",
    "Windowed",
    "join_states",
    "joined",
    "map_state",
    "named_leaves",
    "split_state",
    "state_bytes",
    "whole",
    "with_leaves",
]

Frames: TypeAlias = int | Fraction
"""A number of frames; a fraction where a layer gives more frames than it takes."""


class Streamable(nn.Module, ABC):
    """A map over time that needs the past only as a state.

    `step` takes any number of frames that is a multiple of `hop`, and gives one frame for each `hop`
    of them. The answer to a signal never depends on how it was cut.
    """

    hop: Frames = 1
    """Input frames for one output frame."""
    delay: Frames = 0
    """Input frames by which the output trails the input: what a layer looks ahead."""
    receptive_field: Frames | None = 1
    """Input frames that one output frame depends on; None: on all there ever were."""

    @abstractmethod
    def initial_state(self, like: Tensor) -> State:
        """The state before the first frame, for the batch size, type and device of `like`."""

    @abstractmethod
    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """The next frames of every stream in the batch, and the state behind them."""

    @final  # type: ignore[misc]  # torch declares `forward` as an attribute
    def forward(self, x: Tensor) -> Tensor:
        """The whole signal, from a fresh state."""
        y, _ = self.step(x, self.initial_state(x))
        return y

    def last(self, x: Tensor) -> Tensor:
        """The last frame alone of `forward(x)`, for less than the price of all; [..., 1]."""
        y: Tensor = self(x)
        return y[..., -1:]


class Windowed(Streamable, ABC):
    """A map of a window that slides over time: a convolution, a pooling, a mean.

    A layer says how it maps windows that lie whole inside a signal; the past that the next window
    will need is kept here.
    """

    def __init__(
        self, shape: Sequence[int], *, span: int, stride: int = 1, lookahead: int = 0
    ) -> None:
        """`shape` is [channels] or [channels, bins] of the input; a window spans `span` frames."""
        super().__init__()
        if span < 1 or stride < 1 or not 0 <= lookahead < span:
            raise ModelError(
                f"a window of {span} frames with stride {stride} and {lookahead} frames of look-ahead: "
                f"want span and stride above 0, and look-ahead within the span"
            )
        self.shape = tuple(shape)
        self.span, self.stride = span, stride
        self.hop, self.delay, self.receptive_field = stride, lookahead, span

    @abstractmethod
    def over(self, x: Tensor) -> Tensor:
        """Map every window of `span` frames, `stride` apart, that lies whole inside `x`."""

    @final
    def initial_state(self, like: Tensor) -> State:
        """Silence, as long as windows overlap; nothing where they do not."""
        overlap = self.span - self.stride
        return like.new_zeros(like.shape[0], *self.shape, overlap) if overlap > 0 else ()

    @final
    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Slide over the past that is kept and the frames that are new."""
        overlap = self.span - self.stride
        if overlap <= 0:
            # A stride above the span leaves frames out; each window still ends with its hop.
            return self.over(x[..., -overlap:]), ()
        x = joined(state, x)
        return self.over(x), x[..., x.shape[-1] - overlap :]

    def last(self, x: Tensor) -> Tensor:
        """The last window alone."""
        return self.over(F.pad(x[..., -self.span :], (max(0, self.span - x.shape[-1]), 0)))


@final
class Pointwise(Streamable):
    """A module without memory: an activation, a norm, a 1 x 1 convolution, a dense layer on channels."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def initial_state(self, like: Tensor) -> State:
        """Nothing."""
        return ()

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Every frame by itself."""
        return self.module(x), ()

    def last(self, x: Tensor) -> Tensor:
        """The last frame by itself."""
        y: Tensor = self.module(x[..., -1:])
        return y


@final
class Delay(Streamable):
    """The input, `frames` later; holds a shortcut back until a branch that looks ahead has caught up."""

    def __init__(self, shape: Sequence[int], frames: int) -> None:
        super().__init__()
        self.shape = tuple(shape)
        self.delay = frames
        self.frames = frames
        self.receptive_field = frames + 1

    def initial_state(self, like: Tensor) -> State:
        """Silence."""
        return like.new_zeros(like.shape[0], *self.shape, self.frames) if self.frames else ()

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """What came in `frames` ago."""
        if not self.frames:
            return x, ()
        x = joined(state, x)
        cut = x.shape[-1] - self.frames
        return x[..., :cut], x[..., cut:]


@final
class Chain(Streamable):
    """One layer after the other."""

    def __init__(self, *layers: Streamable) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        hop, delay, field = Fraction(1), Fraction(0), Fraction(1)
        endless = False
        for layer in layers:
            delay += layer.delay * hop
            endless = endless or layer.receptive_field is None
            field += ((layer.receptive_field or 1) - 1) * hop
            hop *= layer.hop
        self.hop, self.delay = whole(hop), whole(delay)
        self.receptive_field = None if endless else whole(field)

    def __iter__(self) -> Iterator[Streamable]:
        for layer in self.layers:
            assert isinstance(layer, Streamable)
            yield layer

    def initial_state(self, like: Tensor) -> State:
        """That of every layer."""
        return tuple(layer.initial_state(like) for layer in self)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Through every layer."""
        after: list[State] = []
        for layer, before in zip(self, state, strict=True):
            x, kept = layer.step(x, before)
            after.append(kept)
        return x, tuple(after)

    def last(self, x: Tensor) -> Tensor:
        """Every frame up to the last layer that remembers, and one frame from there on."""
        layers = list(self)
        tail = len(layers)
        while tail and isinstance(layers[tail - 1], Pointwise):
            tail -= 1
        for layer in layers[: max(0, tail - 1)]:
            x = layer(x)
        for layer in layers[max(0, tail - 1) :]:
            x = layer.last(x)
        return x


@final
class Residual(Streamable):
    """`body(x) + shortcut(x)`; both must take the same time."""

    def __init__(self, body: Streamable, shortcut: Streamable | None = None) -> None:
        super().__init__()
        self.body = body
        self.shortcut = shortcut if shortcut is not None else Pointwise(nn.Identity())
        if (body.hop, body.delay) != (self.shortcut.hop, self.shortcut.delay):
            raise ModelError(
                f"a residual whose branches are not in step: hop {body.hop} and {self.shortcut.hop}, "
                f"delay {body.delay} and {self.shortcut.delay}; hold the faster one back by a Delay"
            )
        self.hop, self.delay = body.hop, body.delay
        fields = (body.receptive_field, self.shortcut.receptive_field)
        self.receptive_field = None if None in fields else max(field for field in fields if field)

    def initial_state(self, like: Tensor) -> State:
        """That of both branches."""
        return self.body.initial_state(like), self.shortcut.initial_state(like)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Both branches, summed."""
        y, body = self.body.step(x, state[0])
        z, shortcut = self.shortcut.step(x, state[1])
        return y + z, (body, shortcut)


class Session:
    """One live stream, or several in step: keeps the state and the samples not yet worth a frame.

    `shape` is [channels] or [channels, bins] of what is pushed, [batch, *shape, frames].
    """

    def __init__(self, model: Streamable, *, shape: Sequence[int] = (1,), batch: int = 1) -> None:
        if not isinstance(model.hop, int):
            raise ModelError(f"a session wants a whole number of frames a step, not {model.hop}")
        self.model = model
        self.hop = model.hop
        self._silence = torch.zeros(batch, *shape, 0)
        self.reset()
        with torch.no_grad():
            answer, _ = model.step(self._silence.new_zeros(batch, *shape, self.hop), self.state)
        self._nothing = answer[..., :0]

    def reset(self) -> None:
        """Forget everything: the state is exactly that of a new session."""
        self.state = self.model.initial_state(self._silence)
        self.rest = self._silence
        self.frames = 0

    @property
    def warm(self) -> bool:
        """Whether the last answer saw sound only, and none of the silence before the stream began.

        A model that depends on all it ever heard is warm from its first answer.
        """
        return self.frames >= (self.model.receptive_field or self.hop)

    @torch.no_grad()
    def push(self, x: Tensor) -> Tensor:
        """The answers to any number of further frames, [batch, ..., frames / hop]; often none."""
        x = torch.cat([self.rest, x], -1)
        ready = x.shape[-1] // self.hop * self.hop
        x, self.rest = x[..., :ready], x[..., ready:]
        if not ready:
            return self._nothing
        y, self.state = self.model.step(x, self.state)
        self.frames += ready
        return y

    def finish(self) -> Tensor:
        """The answers that were still to come when the sound ended; silence is heard in its place.

        The session stays as it is then; `reset` begins anew.
        """
        missing = -self.rest.shape[-1] % self.hop
        owed = -int(-self.model.delay // self.hop) * self.hop
        return self.push(self._silence.new_zeros(*self._silence.shape[:-1], missing + owed))


def whole(frames: Frames) -> Frames:
    """As an int where it is one."""
    return int(frames) if Fraction(frames).denominator == 1 else frames
