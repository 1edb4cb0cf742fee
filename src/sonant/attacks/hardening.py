"""Adversarial training: clips that raise the loss the most within a bound, in place of some of a batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from sonant.attacks.bounds import Bound
from sonant.attacks.gradient import REACH, slope
from sonant.data.augment_config import AugmentConfig
from sonant.draws import Draws

Losses: TypeAlias = Callable[[nn.Module, Tensor], Tensor]
"""A model and clips [batch, 1, samples] -> the loss, of each clip [batch] or of all together."""
STREAM: Final = "adversarial"


def hardened(
    model: nn.Module,
    samples: Tensor,
    losses: Losses,
    *,
    config: AugmentConfig,
    draws: Draws,
    lengths: Tensor | None = None,
) -> Tensor:
    """Clips [batch, 1, samples], some as an attacker would make them; none where that is off.

    Which ones, and where their descents begin, is a matter of `draws`. The model is attacked as it would
    answer, and left as it was. Source: Madry et al., "Towards Deep Learning Models Resistant to Adversarial
    Attacks" (2018), section 2.1.
    """
    if not config.adversarial_epsilon:
        return samples
    chosen = torch.from_numpy(draws.uniform(STREAM)[:, 0] < config.adversarial_share)
    if not chosen.any():
        return samples
    bound = Bound(epsilon=config.adversarial_epsilon)
    start = draws.uniform(f"{STREAM}/start", -1.0, 1.0, size=samples.shape[-1]).astype(np.float32)
    noise = config.adversarial_epsilon * torch.from_numpy(start).to(samples).unsqueeze(1)
    changed = bound.inside(samples + noise, samples, lengths)
    step = config.adversarial_epsilon * REACH / config.adversarial_steps
    # Processes that train together meet in the backward pass of the step's loss, and nowhere here.
    own = model.module if isinstance(model, DistributedDataParallel) else model
    with as_it_answers(own):
        for _ in range(config.adversarial_steps):
            gradient, _ = slope(lambda clips: losses(own, clips), changed)
            changed = bound.inside(changed + step * gradient.sign(), samples, lengths)
    return torch.where(chosen.to(samples.device)[:, None, None], changed, samples)


@contextmanager
def as_it_answers(model: nn.Module) -> Iterator[None]:
    """In evaluation mode for a while: norms must not learn from clips that are only a step on the way."""
    was = {part: part.training for part in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for part, training in was.items():
            part.training = training
