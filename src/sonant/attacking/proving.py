"""Whether an attack can be believed: first of all the plainest one must succeed where nothing resists it.

An attack without a gradient fails as quietly as one that meets a robust model. So before each run PGD at
the default bound goes for a few clips of the bare model; where that fails, a far larger bound tells a model
that resists from an objective that leads nowhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from torch import Tensor

from sonant.attacking.cases import Case, rounded
from sonant.attacking.ears import Floats
from sonant.attacking.judging import Judge
from sonant.attacking.problems import Bench, Problem
from sonant.attacks.bounds import Bound
from sonant.attacks.gradient import adam_pgd
from sonant.attacks.objectives import Objective
from sonant.audio import Samples
from sonant.errors import SonantError

CLIPS: Final = 8
ENOUGH: Final = 7 / 8
"""Of them, which have to fall."""
FIRST: Final = 50
"""Steps that every clip takes."""
STEPS: Final = 200
"""Steps of those that hold out, these included."""
SURE: Final = 0.01
"""An objective that is reached by less than this may be lost in rounding to 16 bits."""
LOUD: Final = 0.05
"""Largest change of a sample that brings the goal nearer wherever a gradient leads there."""
NEARER: Final = 0.25
"""Of the way to the goal, by which a clip has to come nearer then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What the plainest attack came to."""

    clips: int
    fallen: int
    """At the default bound."""
    led: int | None
    """That fell or came much nearer at `LOUD`; None where it was not needed."""

    @property
    def holds(self) -> bool:
        """Whether nearly all fell at the default bound."""
        return self.fallen >= ENOUGH * self.clips

    def __str__(self) -> str:
        """In a sentence."""
        epsilon = Bound().epsilon
        said = f"PGD at epsilon {epsilon} makes {self.fallen} of {self.clips} clips of the bare model fall"
        if self.holds:
            return f"proof: {said}"
        return (
            f"proof: {said}, and at {LOUD} {self.led} fall or come much nearer: the gradient leads there, "
            "and the model withstands the default bound"
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "clips": self.clips,
            "fallen": self.fallen,
            "led": self.led,
            "holds": self.holds,
        }


def prove(bench: Bench, judge: Judge, cases: Sequence[Case], sounds: Sequence[Samples]) -> Proof:
    """Attack the first few cases; raises `SonantError` where not even a loud change gets anywhere."""
    cases, sounds = cases[:CLIPS], sounds[:CLIPS]
    fallen = int(np.count_nonzero(_pushed(bench, judge, cases, sounds, bound=Bound()) > 0))
    if fallen >= ENOUGH * len(cases):
        return Proof(clips=len(cases), fallen=fallen, led=None)
    before = judge.bare(cases, sounds)
    after = _pushed(bench, judge, cases, sounds, bound=Bound(epsilon=LOUD))
    led = int(np.count_nonzero((after > 0) | (after > (1 - NEARER) * before)))
    if led < ENOUGH * len(cases):
        raise SonantError(
            f"{bench.card.path}: this victim or objective gives no gradient that leads anywhere: PGD makes "
            f"{fallen} of {len(cases)} clips fall at epsilon {Bound().epsilon}, and at {LOUD} only {led} "
            "fall or come much nearer, so a low success rate would say nothing of the model. Look at the "
            "goal, or attack by scores alone: --method nes"
        )
    return Proof(clips=len(cases), fallen=fallen, led=led)


def descent(
    problem: Problem,
    wish: Callable[[Problem], Objective],
    *,
    bound: Bound,
    steps: int = STEPS,
) -> Tensor:
    """PGD as every run begins with and `--method pgd` is: changed clips [batch, 1, samples].

    All take the first steps; those that still hold out go on from the best they have, as many steps as are
    left in one descent. Most clips fall early, and the few that do not are what a success rate is decided by.
    """
    first = min(steps, FIRST)
    changed, reached = _descended(problem, wish, bound=bound, steps=first)
    holding = (reached <= SURE).nonzero().flatten().tolist()
    if steps > first and holding:
        some = problem.some(holding)
        begin = changed[holding]
        changed[holding], _ = _descended(some, wish, bound=bound, steps=steps - first, begin=begin)
    return changed


def _descended(
    problem: Problem,
    wish: Callable[[Problem], Objective],
    *,
    bound: Bound,
    steps: int,
    begin: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    return adam_pgd(
        wish(problem),
        problem.clean,
        bound=bound,
        lengths=problem.lengths,
        steps=steps,
        begin=begin,
    )


def _pushed(
    bench: Bench, judge: Judge, cases: Sequence[Case], sounds: Sequence[Samples], *, bound: Bound
) -> Floats:
    """Margins after the attack, by the graph."""
    problem = bench.problem(cases, sounds)
    changed = descent(problem, lambda these: these.objective, bound=bound)
    rows = changed.detach().cpu().numpy()[:, 0]
    heard = [rounded(row[: len(sound)]) for row, sound in zip(rows, sounds, strict=True)]
    return judge.bare(cases, heard)
