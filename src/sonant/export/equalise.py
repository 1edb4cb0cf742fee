"""Channels of one size before a model is written in 8 bits: weights are moved, and no answer changes.

An 8-bit value has one scale for all channels of a tensor. What a convolution gives before it is
normalised may be many times as large in one channel as in another, whose few steps are then
multiplied up. A batch norm is folded into its convolution; one of bands of frequency cannot be, since
its factor differs from band to band, but what its bands have in common can. Source: Nagel et al.,
"Data-free quantization through weight equalization and bias correction" (2019), section 4.1.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Final, TypeVar

import torch
from torch import Tensor, nn

from sonant.nn.norms import SubSpectralNorm
from sonant.nn.streaming import Pointwise, Windowed

Model = TypeVar("Model", bound=nn.Module)

MOST: Final = 1e3
"""Times that one band's factor may be larger than another's and still count."""


def equalise(model: Model) -> Model:
    """Move into each convolution what the bands of the norm behind it have in common; in place.

    The model is in evaluation mode, and answers as before.
    """
    for conv, norm in _pairs(model):
        _share(conv, norm)
    return model


def _pairs(model: nn.Module) -> Iterator[tuple[nn.Conv2d, SubSpectralNorm]]:
    """Convolutions whose answer is normalised by bands, and read by nobody else."""
    for layers in model.modules():
        if isinstance(layers, nn.Sequential | nn.ModuleList):  # of a chain, too
            for one, other in pairwise(_bare(layer) for layer in layers):
                if isinstance(one, nn.Conv2d) and isinstance(other, SubSpectralNorm):
                    yield one, other


def _bare(layer: nn.Module) -> nn.Module:
    """The torch layer within one that streams."""
    if isinstance(layer, Pointwise):
        return layer.module
    inner = getattr(layer, "conv", None)
    return inner if isinstance(layer, Windowed) and isinstance(inner, nn.Module) else layer


@torch.no_grad()
def _share(conv: nn.Conv2d, norm: SubSpectralNorm) -> None:
    """Each channel times the geometric mean of its bands' factors: none is left far from 1."""
    scale, shift = (part.view(norm.channels, norm.bands) for part in _affine(norm.norm))
    sizes = scale.abs()
    largest = sizes.amax(1, keepdim=True)
    mean = sizes.clamp_min(largest / MOST).log().mean(1).exp()
    size = torch.where(largest.squeeze(1) > 0, mean, 1)
    conv.weight.mul_(size.view(-1, 1, 1, 1))
    if conv.bias is not None:
        conv.bias.mul_(size)
    _set_affine(norm.norm, scale=(scale / size.unsqueeze(1)).flatten(), shift=shift.flatten())


def _affine(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """What a norm that learns no more multiplies by, and then adds."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
    return scale, norm.bias - norm.running_mean * scale


def _set_affine(norm: nn.BatchNorm2d, *, scale: Tensor, shift: Tensor) -> None:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    norm.running_mean.zero_()
    norm.running_var.fill_(1 - norm.eps)
    norm.weight.copy_(scale)
    norm.bias.copy_(shift)
