"""Statistics over all that a stream has heard so far, at every frame."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor

from sonant.nn.pooling import LEAST_VARIANCE
from sonant.nn.streaming import State, Streamable


@final
class RunningCentre(Streamable):
    """Each frame less the mean over it and all frames before it; [batch, channels, frames] in and out.

    The state is how many frames there were, [batch, 1], and their mean, [batch, channels].
    """

    receptive_field = None

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels

    def initial_state(self, like: Tensor) -> State:
        """No frames."""
        return like.new_zeros(like.shape[0], 1), like.new_zeros(like.shape[0], self.channels)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Frame by frame."""
        count, mean = _of(state, x)
        counts = _counts(count, x)
        means = mean + (x - mean).cumsum(-1) / counts
        return x - means, (counts[:, :, -1], means[..., -1])


@final
class RunningStatistics(Streamable):
    """Mean and deviation over each frame and all frames before it: statistics pooling as a stream.

    [batch, channels, frames] -> [batch, 2 * channels, frames]; the last frame of a signal has what
    `pooling.masked_statistics` gives for all of it. The state is how many frames there were, [batch, 1],
    their mean and their variance, [batch, channels] each. Source: Chan, Golub and LeVeque 1983,
    "Algorithms for computing the sample variance", equation 2.1, for the part that is new.
    """

    receptive_field = None

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels

    def initial_state(self, like: Tensor) -> State:
        """No frames."""
        nothing = like.new_zeros(like.shape[0], self.channels)
        return like.new_zeros(like.shape[0], 1), nothing, nothing.clone()

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Frame by frame, by distances from the mean that was: a large offset costs no digits."""
        count, mean, variance = _of(state, x)
        counts = _counts(count, x)
        distances = x - mean
        moved = distances.cumsum(-1) / counts
        squares = variance * (count / counts) + distances.square().cumsum(-1) / counts
        variances = (squares - moved.square()).clamp(min=0.0)
        means = mean + moved
        y = torch.cat([means, variances.clamp(min=LEAST_VARIANCE).sqrt()], 1)
        return y, (counts[:, :, -1], means[..., -1], variances[..., -1])

    def last(self, x: Tensor) -> Tensor:
        """The statistics of the whole, alone."""
        mean = x.mean(-1, keepdim=True)
        variance = (x - mean).square().mean(-1, keepdim=True)
        return torch.cat([mean, variance.clamp(min=LEAST_VARIANCE).sqrt()], 1)


def _of(state: State, x: Tensor) -> list[Tensor]:
    """The parts of a state, each with an axis for the frames, in the type of `x`."""
    parts = []
    for part in state:
        assert isinstance(part, Tensor)
        parts.append(part.to(x.dtype).unsqueeze(-1))
    return parts


def _counts(count: Tensor, x: Tensor) -> Tensor:
    """How many frames there are up to each, [batch, 1, frames]."""
    return count + torch.ones_like(x[:, :1]).cumsum(-1)
