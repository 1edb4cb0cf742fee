"""What an attacker wants, as a number a clip that grows as he gets it: above zero, he has it.

Margins between scores, without a floor: cut off at zero they have no gradient just where it is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import torch
from torch import Tensor

from sonant.attacks.victims import Victim

Objective: TypeAlias = Callable[[Tensor], Tensor]
"""[batch, 1, samples] -> [batch]; higher suits the attacker."""
Transform: TypeAlias = Callable[[Tensor], Tensor]
"""[batch, 1, samples] in and out: a defence, or what happens to a sound on its way."""


def towards(victim: Victim, targets: Tensor, *, lengths: Tensor | None = None) -> Objective:
    """That each clip gets the answer of its target: its score less the highest other one.

    `targets` [batch] are places in `victim.names`. Source of the margin: Carlini and Wagner,
    "Towards Evaluating the Robustness of Neural Networks" (2017), f6.
    """

    def objective(samples: Tensor) -> Tensor:
        own, others = _apart(victim(samples, lengths), targets)
        return own - others

    return objective


def away_from(victim: Victim, answers: Tensor, *, lengths: Tensor | None = None) -> Objective:
    """That no clip gets the answer it should have, `answers` [batch], whatever it gets instead."""
    wanted = towards(victim, answers, lengths=lengths)
    return lambda samples: -wanted(samples)


def jointly(objectives: Sequence[Objective]) -> Objective:
    """Several wishes at once, as to pass a verifier and a spoof detector: the least fulfilled counts."""
    return lambda samples: torch.stack([one(samples) for one in objectives]).amin(dim=0)


def expected(objective: Objective, transforms: Sequence[Transform]) -> Objective:
    """The mean over what may happen to the sound: expectation over transformation.

    Source: Athalye et al., "Synthesizing Robust Adversarial Examples" (2018).
    """
    return lambda samples: torch.stack([objective(t(samples)) for t in transforms]).mean(dim=0)


def straight_through(transform: Transform) -> Transform:
    """A transform without a useful gradient, as one that rounds, with that of the identity.

    Backward pass differentiable approximation; source: Athalye et al., "Obfuscated Gradients Give a
    False Sense of Security" (2018), section 4.1.
    """

    def passed(samples: Tensor) -> Tensor:
        with torch.no_grad():
            changed = transform(samples) - samples
        return samples + changed

    return passed


def _apart(scores: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
    """The scores at `places`, and the highest elsewhere."""
    columns = places.to(scores.device).unsqueeze(1)
    own = scores.gather(1, columns).squeeze(1)
    others = scores.scatter(1, columns, -torch.inf).amax(dim=1)
    return own, others
