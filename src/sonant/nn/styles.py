"""The voice in a layer: mean and deviation of every channel over the frames under a mask."""

from __future__ import annotations

from typing import Final, NamedTuple

import torch
from torch import Tensor

EPSILON: Final = 1e-5
"""Added to a variance, so that a channel that does not vary is divided by something."""


class Style(NamedTuple):
    """Statistics of a layer's channels, each [batch, channels, 1], float32."""

    mean: Tensor
    deviation: Tensor


def style_of(x: Tensor, mask: Tensor, *, clips: int = 1) -> Style:
    """Statistics over the frames of `clips` rows together.

    `x` is [batch * clips, channels, frames], clips of one voice next to each other, `mask` [batch *
    clips, 1, frames] of ones and zeros. Where all is masked, everything is as if it were silent zeros.
    """
    x, mask = x.float(), mask.float()
    frames = _together(mask.sum(-1, keepdim=True), clips).clamp(min=1.0)
    mean = _together((x * mask).sum(-1, keepdim=True), clips) / frames
    apart = (x - _each(mean, clips)) * mask
    variance = _together(apart.square().sum(-1, keepdim=True), clips) / frames
    return Style(mean, (variance + EPSILON).sqrt())


def without(x: Tensor, style: Style, *, clips: int = 1) -> Tensor:
    """[batch * clips, channels, frames] with the style taken away: means of 0, deviations of 1."""
    return (x.float() - _each(style.mean, clips)) / _each(style.deviation, clips)


def in_style(x: Tensor, style: Style) -> Tensor:
    """[batch, channels, frames], without a style of its own, in another one.

    Source: adaptive instance normalisation, Huang and Belongie, "Arbitrary Style Transfer in Real-time
    with Adaptive Instance Normalization" (2017), section 5.
    """
    return x * style.deviation + style.mean


def _together(sums: Tensor, clips: int) -> Tensor:
    """[batch * clips, channels, 1] -> [batch, channels, 1]."""
    return sums if clips == 1 else sums.reshape(-1, clips, *sums.shape[1:]).sum(1)


def _each(values: Tensor, clips: int) -> Tensor:
    """[batch, channels, 1] -> [batch * clips, channels, 1]."""
    return values if clips == 1 else torch.repeat_interleave(values, clips, 0)
