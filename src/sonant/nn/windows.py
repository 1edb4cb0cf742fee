"""Layers that see the last so many frames at once, at every frame.

For a clip, the window is the whole of it and only the last answer counts (`last`). In a stream the
same window slides.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Final, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sonant.errors import ModelError
from sonant.nn.layers import maxima, means
from sonant.nn.streaming import State, Streamable, Windowed, joined

UNSEEN: Final = 1e4
"""Taken from the score of a key that may not be seen; e to the minus of it is 0 in any float."""

PIECE: Final = 128
"""Frames that attend in one product, or a window of them where that is longer."""


@final
class WindowMean(Windowed):
    """The mean over the last `frames` frames, at every frame; [batch, *shape, frames] in and out."""

    def __init__(self, shape: Sequence[int], frames: int) -> None:
        super().__init__(shape, span=frames)

    def over(self, x: Tensor) -> Tensor:
        """The mean in time; bins stay."""
        return means(x, self.span)


@final
class WindowMax(Windowed):
    """The maximum of the last `frames` frames, at every frame; [batch, *shape, frames] in and out."""

    def __init__(self, shape: Sequence[int], frames: int) -> None:
        super().__init__(shape, span=frames)

    def over(self, x: Tensor) -> Tensor:
        """The maximum in time; bins stay."""
        return maxima(x, self.span)


@final
class WindowFlatten(Windowed):
    """The last `frames` frames as one vector, at every frame.

    [batch, *shape, frames] to [batch, prod(shape) * frames, frames]; a vector runs through channels,
    then bins, then time. Where a dense layer follows on a long signal, `WindowDense` does both
    without writing the windows out.
    """

    def __init__(self, shape: Sequence[int], frames: int) -> None:
        super().__init__(shape, span=frames)

    def over(self, x: Tensor) -> Tensor:
        """The windows side by side."""
        x = x.flatten(1, -2)
        if x.shape[-1] == self.span:
            return x.flatten(1).unsqueeze(-1)
        return x.unfold(-1, self.span, 1).transpose(2, 3).flatten(1, 2)


@final
class WindowDense(Windowed):
    """A dense layer over all of the last `frames` frames, at every frame.

    [batch, *shape, frames] to [batch, outputs, frames]. The same answers as `WindowFlatten` and then
    a 1 x 1 convolution with the same weights, in the same order.
    """

    def __init__(self, shape: Sequence[int], outputs: int, frames: int) -> None:
        super().__init__(shape, span=frames)
        self.dense = nn.Conv1d(prod(shape), outputs, frames)

    def over(self, x: Tensor) -> Tensor:
        """A convolution as long as the window."""
        y: Tensor = self.dense(x.flatten(1, -2))
        return y


@final
class WindowAttention(Streamable):
    """Each frame attends to itself and to the `window - 1` frames before it.

    [batch, channels, frames] in and out. Frames before the stream's beginning are not attended to:
    the state holds keys, values and, as 1 or 0, which of them are real. Source: Vaswani et al.,
    "Attention Is All You Need" (2017), section 3.2.2. Raises `ModelError` when the heads do not
    divide the channels.
    """

    def __init__(self, channels: int, *, heads: int, window: int) -> None:
        super().__init__()
        if heads < 1 or channels % heads or window < 2:
            raise ModelError(
                f"attention of {heads} heads over {channels} channels and {window} frames: want a "
                f"window above 1, and heads that divide the channels"
            )
        self.channels, self.heads, self.window = channels, heads, window
        self.receptive_field = window
        self.project = nn.Conv1d(channels, 3 * channels, 1)
        self.merge = nn.Conv1d(channels, channels, 1)

    def initial_state(self, like: Tensor) -> State:
        """No keys, no values, none of them real."""
        batch, past = like.shape[0], self.window - 1
        keys = like.new_zeros(batch, self.channels, past)
        return keys, keys.clone(), like.new_zeros(batch, 1, past)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Piece by piece, so that a long signal never meets all of itself."""
        frames = max(self.window, PIECE)
        if torch.compiler.is_exporting() or x.shape[-1] <= frames:
            return self._piece(x, state)
        answers = []
        for piece in torch.split(x, frames, -1):
            y, state = self._piece(piece, state)
            answers.append(y)
        return torch.cat(answers, -1), state

    def last(self, x: Tensor) -> Tensor:
        """The last frame's attention alone."""
        x = x[..., -self.window :]
        query, keys, values = self.project(x).chunk(3, 1)
        return self._attended(query[..., -1:], keys, values, real=torch.ones_like(x[:, :1]))

    def _piece(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        query, *new = self.project(x).chunk(3, 1)
        past = (
            joined(before, now)
            for before, now in zip(state, (*new, torch.ones_like(x[:, :1])), strict=True)
        )
        keys, values, real = past
        kept = tuple(part[..., x.shape[-1] :] for part in (keys, values, real))
        return self._attended(query, keys, values, real=real), kept

    def _attended(self, query: Tensor, keys: Tensor, values: Tensor, *, real: Tensor) -> Tensor:
        """Queries are the last frames of those that have keys."""
        heads = [torch.unflatten(part, 1, (self.heads, -1)) for part in (query, keys, values)]
        scores = heads[0].transpose(2, 3) @ heads[1] / heads[0].shape[2] ** 0.5
        now, seen = query.shape[-1], keys.shape[-1]
        reach = real.new_ones(now, seen).tril(seen - now).triu(seen - now - self.window + 1)
        scores = scores + (reach * real.unsqueeze(1) - 1) * UNSEEN
        answer = heads[2] @ scores.softmax(-1).transpose(2, 3)
        y: Tensor = self.merge(answer.flatten(1, 2))
        return y


@final
class SqueezeExcite(Streamable):
    """Every channel times a gate between 0 and 1 that saw all channels over the last `frames`.

    [batch, *shape, frames] in and out; bins share a gate. Source: Hu et al., "Squeeze-and-Excitation
    Networks" (2018), section 3, with a mean over a causal window for the mean over everything.
    """

    def __init__(self, shape: Sequence[int], *, reduction: int, frames: int) -> None:
        """The gates are made from channels / `reduction` values."""
        super().__init__()
        channels = shape[0]
        inner = max(1, channels // reduction)
        self.receptive_field = frames
        self.squeeze = WindowMean([channels], frames)
        self.reduce = nn.Conv1d(channels, inner, 1)
        self.expand = nn.Conv1d(inner, channels, 1)

    def initial_state(self, like: Tensor) -> State:
        """The means over the bins of silence."""
        return self.squeeze.initial_state(like)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Squeeze, excite, scale."""
        squeezed, after = self.squeeze.step(_over_bins(x), state)
        return self._scaled(x, squeezed), after

    def last(self, x: Tensor) -> Tensor:
        """The last frame alone."""
        return self._scaled(x[..., -1:], self.squeeze.last(_over_bins(x)))

    def _scaled(self, x: Tensor, squeezed: Tensor) -> Tensor:
        gate: Tensor = self.expand(F.relu(self.reduce(squeezed))).sigmoid()
        return x * (gate if x.dim() == 3 else gate.unsqueeze(2))


def _over_bins(x: Tensor) -> Tensor:
    """[batch, channels, frames] of either form."""
    return x if x.dim() == 3 else x.mean(2)
