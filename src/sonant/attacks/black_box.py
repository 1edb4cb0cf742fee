"""Attacks by scores alone: gradients are guessed from answers to noisy copies. One clip at a time."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import torch
from torch import Tensor

from sonant.attacks.bounds import Bound
from sonant.attacks.oracle import Oracle, Spent
from sonant.draws import Draws
from sonant.errors import SonantError

PLATEAU: Final = 5
"""Steps without a better score after which steps become shorter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guessing:
    """How gradients are guessed and followed; the defaults are those of FAKEBOB."""

    samples: int = 50
    """Noisy copies for one guess: half of them the mirror images of the others."""
    sigma: float = 1e-3
    """Spread of their noise."""
    rate: float = 1e-3
    """First step, in units of a sample."""
    least_rate: float = 1e-6
    """Steps become no shorter."""
    momentum: float = 0.9
    """Share of the last step's direction."""
    steps: int = 1000
    """At most."""

    def __post_init__(self) -> None:
        if self.samples < 2 or self.samples % 2:
            raise SonantError(f"samples: {self.samples} is no even number above 0")
        if not (self.sigma > 0 and self.rate >= self.least_rate > 0 and self.steps > 0):
            raise SonantError(
                "sigma, rate, least_rate and steps are above 0, rate at least least_rate"
            )


class Pushed(NamedTuple):
    """What a black-box attack came to."""

    changed: Tensor
    """[1, 1, samples], within the bound."""
    got: bool
    """Whether the model said what the attacker wants."""
    score: float
    """Its score of it."""
    queries: int
    """Clips it was asked about."""


def nes(
    oracle: Oracle,
    clean: Tensor,
    *,
    bound: Bound,
    guessing: Guessing | None = None,
    seed: int = 0,
) -> Pushed:
    """Raise the score of one clip [1, 1, samples] until the model gives in, or steps or queries end.

    The score need not be above any known threshold: the model's own answer ends it. Source: Ilyas et al.,
    "Black-box Adversarial Attacks with Limited Queries and Information" (2018), algorithm 1; followed as
    by Chen et al., "Who is Real Bob?" (2021), section IV-B.
    """
    guessing = guessing or Guessing()
    before = oracle.queries
    first = oracle(clean)
    changed, score, got = clean, float(first.scores), bool(first.got)
    best, highest = clean, score
    speed, rate = torch.zeros_like(clean), guessing.rate
    recent: deque[float] = deque(maxlen=PLATEAU)
    try:
        for step in range(guessing.steps):
            if got:
                break
            guess = _guess(oracle, changed, guessing, seed=seed, step=step)
            speed = guessing.momentum * speed + (1 - guessing.momentum) * guess
            changed = bound.inside(changed + rate * speed.sign(), clean)
            answer = oracle(changed)
            score, got = float(answer.scores), bool(answer.got)
            if got or score > highest:
                best, highest = changed, score
            recent.append(score)
            if len(recent) == PLATEAU and recent[-1] <= recent[0]:
                rate = max(rate / 2, guessing.least_rate)
                recent.clear()
    except Spent:
        got = False
    return Pushed(best, got, highest, oracle.queries - before)


def threshold_of(
    oracle: Oracle,
    clean: Tensor,
    *,
    guessing: Guessing | None = None,
    loudest: float = 0.05,
    seed: int = 0,
) -> float | None:
    """The score from which on a verifier accepts, found by pushing one clip until it does.

    It is at most one step above the true one. None: it did not accept within the budget. Nothing is
    asked of how loud the clip gets but `loudest`, since it is only a probe. Source: Chen et al. (2021),
    algorithm 1.
    """
    found = nes(oracle, clean, bound=Bound(epsilon=loudest), guessing=guessing, seed=seed)
    return found.score if found.got else None


def _guess(oracle: Oracle, at: Tensor, guessing: Guessing, *, seed: int, step: int) -> Tensor:
    """The gradient of the score, about: differences along random directions and their mirror images."""
    half = guessing.samples // 2
    draws = Draws(seed, step, np.arange(half))
    noise = draws.normal("nes", size=at.shape[-1]).astype(np.float32)
    directions = torch.from_numpy(noise).to(at).unsqueeze(1)
    copies = torch.cat((at + guessing.sigma * directions, at - guessing.sigma * directions))
    scores = oracle(copies.clamp(-1.0, 1.0)).scores
    differences = (scores[:half] - scores[half:])[:, None, None]
    return (differences * directions).mean(dim=0, keepdim=True) / (2 * guessing.sigma)
