"""Attacks that follow the gradient of the objective: white box."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import torch
from torch import Tensor

from sonant.attacks.bounds import LEAST_NORM, Bound, norm
from sonant.attacks.objectives import Objective
from sonant.draws import Draws
from sonant.errors import SonantError

STEPS: Final = 20
REACH: Final = 2.5
"""How far all steps of a descent lead together, in spans of the bound; they overlap and turn back."""
MOMENTUM: Final = 0.9
"""Share of the gradients before that a step of `adam_pgd` still goes along."""
SQUARES: Final = 0.99
"""Share of the squares before, which say how long a step each sample takes."""
LEAST_SQUARE: Final = 1e-8


def fgsm(
    objective: Objective, clean: Tensor, *, bound: Bound, lengths: Tensor | None = None
) -> Tensor:
    """One step of the whole span along the signs of the gradient: the fast gradient sign method.

    Clips [batch, 1, samples] in [-1, 1]; so are the answers. Source: Goodfellow et al., "Explaining and
    Harnessing Adversarial Examples" (2015), section 4.
    """
    return pgd(objective, clean, bound=bound, lengths=lengths, steps=1, reach=1.0, restarts=0)


def pgd(
    objective: Objective,
    clean: Tensor,
    *,
    bound: Bound,
    lengths: Tensor | None = None,
    steps: int = STEPS,
    reach: float = REACH,
    restarts: int = 1,
    seed: int = 0,
) -> Tensor:
    """Steps along the gradient, each brought back inside the bound; the best sound on the way is kept.

    The first descent begins at the clean clips, each of `restarts` - 1 further ones at random places of
    the bound, drawn for each clip by itself. With an epsilon steps go along signs, else along the
    gradient. Clips, [batch, 1, samples], do not disturb each other. Raises `SonantError` where the
    objective has no gradient at all. Source: Madry et al., "Towards Deep Learning Models Resistant to
    Adversarial Attacks" (2018), section 2.1.
    """
    best = clean.clone()
    reached = torch.full_like(clean[:, 0, 0], -math.inf)
    for number in range(max(1, restarts)):
        changed = clean if not number else _somewhere(clean, bound, lengths, seed, number)
        for _ in range(steps):
            gradient, value = slope(objective, changed)
            best, reached = better(best, reached, changed, value)
            step = bound.span(clean) * reach / steps * _direction(gradient, bound)
            changed = bound.inside(changed + step, clean, lengths)
        best, reached = better(best, reached, changed, _value(objective, changed))
    return best


def adam_pgd(
    objective: Objective,
    clean: Tensor,
    *,
    bound: Bound,
    lengths: Tensor | None = None,
    steps: int,
    begin: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Projected descent by Adam: the best sounds on the way [batch, 1, samples], and their values [batch].

    Verifiers fall to it that hold out against steps of one length. The first step is about one span of the
    bound, and they shrink along half a cosine; `begin` is where they begin, else at the clean clips. Without
    an epsilon all samples share one length of step, since an energy is best spent along the gradient.
    Raises `SonantError` where the objective has no gradient at all. Source: Kingma and Ba, "Adam" (2015),
    algorithm 1, within the projection of `pgd`.
    """
    best, changed = clean.clone(), clean if begin is None else begin
    reached = torch.full_like(clean[:, 0, 0], -math.inf)
    mean, square = torch.zeros_like(clean), torch.zeros_like(clean)
    for number in range(steps):
        gradient, value = slope(objective, changed)
        best, reached = better(best, reached, changed, value)
        gradient = _even(gradient)
        mean = MOMENTUM * mean + (1 - MOMENTUM) * gradient
        square = SQUARES * square + (1 - SQUARES) * gradient**2
        seen = number + 1
        along = mean / (1 - MOMENTUM**seen)
        if bound.epsilon is None:
            along = _even(along)
        else:
            along = along / ((square / (1 - SQUARES**seen)).sqrt() + LEAST_SQUARE)
        share = (1 + math.cos(math.pi * number / steps)) / 2
        changed = bound.inside(changed + share * bound.span(clean) * along, clean, lengths)
    return better(best, reached, changed, _value(objective, changed))


def slope(objective: Objective, samples: Tensor) -> tuple[Tensor, Tensor]:
    """The objective's gradient [batch, 1, samples] and its values [batch]."""
    asked = samples.detach().requires_grad_(True)
    values = objective(asked)
    if not values.requires_grad:
        raise SonantError(
            "the objective has no gradient: a transform in it cuts it off; wrap that in "
            "straight_through, or attack by scores alone"
        )
    (gradient,) = torch.autograd.grad(values.sum(), asked)
    return gradient, values.detach()


def better(best: Tensor, reached: Tensor, other: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
    """Of two sounds a clip the one that the attacker likes more, and how much he does."""
    wins = value > reached
    return torch.where(wins[:, None, None], other, best), torch.where(wins, value, reached)


def _direction(gradient: Tensor, bound: Bound) -> Tensor:
    """A step of about 1 a sample."""
    if bound.epsilon is not None:
        return gradient.sign()
    return _even(gradient)


def _even(gradient: Tensor) -> Tensor:
    """The same direction, its root mean square 1."""
    size = math.sqrt(gradient.shape[-1])
    return gradient * (size / norm(gradient).clamp_min(LEAST_NORM))


@torch.no_grad()
def _value(objective: Objective, samples: Tensor) -> Tensor:
    return objective(samples)


def _somewhere(
    clean: Tensor, bound: Bound, lengths: Tensor | None, seed: int, number: int
) -> Tensor:
    draws = Draws(seed, number, np.arange(len(clean)))
    noise = draws.uniform("start", -1.0, 1.0, size=clean.shape[-1]).astype(np.float32)
    start = clean + bound.span(clean) * torch.from_numpy(noise).to(clean).unsqueeze(1)
    return bound.inside(start, clean, lengths)
