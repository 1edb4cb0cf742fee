"""First-order smoothing over time, without a loop over frames."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

BLOCK = 64
"""Frames that one product smooths; what a block leaves behind is smoothed in its turn."""


def smoothed(x: Tensor, before: Tensor, *, share: float) -> Tensor:
    """y[t] = (1 - share) * y[t - 1] + share * x[t], with y[-1] = `before`.

    x [batch, frames, bins] and `before` [batch, bins] -> y [batch, frames, bins].
    """
    return _decayed(x * share, before, 1.0 - share)


def _decayed(x: Tensor, before: Tensor, decay: float) -> Tensor:
    """y[t] = decay * y[t - 1] + x[t]; blocks of frames side by side, then their ends likewise."""
    frames = x.shape[1]
    # The number is a symbol, and no int, where a graph is exported for any number of frames.
    free = not isinstance(frames, int)
    if not free and frames == 1:
        return x + decay * before[:, None]
    if free or frames <= BLOCK:
        within, fading = _within(decay, frames, x)
        return within @ x + fading * before[:, None]
    count = -(-frames // BLOCK)
    padded = F.pad(x, (0, 0, 0, count * BLOCK - frames))
    blocks = padded.view(x.shape[0], count, BLOCK, -1)
    within, fading = _within(decay, BLOCK, x)
    inner = torch.einsum("tu,bcuf->bctf", within, blocks)
    ends = _decayed(inner[:, :, -1], before, decay**BLOCK)
    carried = torch.cat([before[:, None], ends[:, :-1]], 1)
    whole = inner + fading * carried[:, :, None]
    return whole.flatten(1, 2)[:, :frames]


def _within(decay: float, frames: int, x: Tensor) -> tuple[Tensor, Tensor]:
    """What each frame takes from those up to it, [frames, frames], and from before, [frames, 1]."""
    if not isinstance(frames, int):
        steps = torch.arange(frames, dtype=x.dtype, device=x.device)
        past = steps[:, None] - steps
        within = torch.where(past >= 0, decay ** past.clamp(min=0), 0.0)
        return within, decay ** (steps[:, None] + 1)
    within, fading = (torch.from_numpy(powers) for powers in _powers(decay, frames))
    return within.to(x), fading.to(x)


@lru_cache(maxsize=64)
def _powers(decay: float, frames: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    past = np.arange(frames)[:, None] - np.arange(frames)
    within = np.where(past >= 0, decay ** np.maximum(past, 0), 0.0)
    return within, decay ** np.arange(1.0, frames + 1)[:, None]
