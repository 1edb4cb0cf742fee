"""Attacks that learn on other speakers first: one noise for all, or a generator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch

from sonant import whole_file
from sonant.attacking.cases import Case
from sonant.attacking.ears import Read
from sonant.attacking.problems import Bench, Problem
from sonant.attacks import toolbox
from sonant.attacks.advgan import AdvGanConfig, Generator
from sonant.attacks.bounds import Bound
from sonant.attacks.objectives import Objective
from sonant.audio import Samples
from sonant.draws import Draws
from sonant.errors import ManifestError
from sonant.events import OnEvent
from sonant.training.advgan import AdvGanFit, AdvGanRun, Example

LESSON_S: Final = 2.0
"""Of each clip that a generator learns from, at most."""
BATCH: Final = 8
STEPS: Final = 300
ROUNDS: Final = 3
FOR_NOISE: Final = 32
"""Clips that one noise is learned on."""

Lessons = Callable[[], tuple[Case, ...]]


def generator(
    bench: Bench,
    lessons: Lessons,
    *,
    wish: Callable[[Problem], Objective],
    bound: Bound,
    steps: int | None,
    seed: int,
    read: Read,
    path: Path,
    identity: str,
    on_event: OnEvent,
) -> Generator:
    """Train a generator, or go on with the one at `path`; a finished one is only read.

    Raises `Interrupted` after Ctrl-C, with all saved.
    """
    cases = lessons()
    length = round(LESSON_S * bench.card.audio.rate_hz)
    whole = bench.card.task == "keywords"  # a recogniser hears clips of one length alone

    def example(number: int) -> Example:
        chosen = np.random.default_rng([seed, number]).choice(len(cases), min(BATCH, len(cases)))
        some = [cases[place] for place in chosen]
        starts = Draws(seed, number, np.arange(len(some))).uniform("cut")[:, 0]
        sounds = [read(case.item) for case in some]
        if not whole:
            sounds = [_cut(s, length, start) for s, start in zip(sounds, starts, strict=True)]
        problem = bench.problem(some, sounds)
        return Example(problem.clean, problem.lengths, wish(problem))

    run = AdvGanRun(
        AdvGanConfig(),
        AdvGanFit(steps=steps or STEPS, seed=seed),
        example,
        bound=bound,
        rate_hz=bench.card.audio.rate_hz,
        identity=identity,
        device=bench.device,
        on_event=on_event,
    )
    return run.run(path)


def noise(
    bench: Bench,
    lessons: Lessons,
    *,
    bound: Bound,
    rounds: int | None,
    read: Read,
    path: Path,
    identity: str,
) -> Samples:
    """One noise [samples] that moves clips to the goal, learned, or read where it was learned before.

    Raises `ManifestError` where cases claim to be several speakers, which no one noise can.
    """
    if path.exists():
        with np.load(path) as kept:
            if str(kept["identity"]) == identity:
                found: Samples = kept["noise"]
                return found
    cases = lessons()[:FOR_NOISE]
    if len({case.claim for case in cases}) > 1:
        raise ManifestError(
            "one noise cannot make clips unlike many speakers by one claim each; take --goal accept or "
            "--goal NAME, or --method advgan"
        )
    problem = bench.problem(cases, _alike([read(case.item) for case in cases]))
    learned = toolbox.universal(
        problem.victim,
        problem.clean,
        _left(problem),
        bound=bound,
        rounds=rounds or ROUNDS,
    )
    samples: Samples = learned[0, 0].cpu().numpy()
    with whole_file.beside(path) as scratch, scratch.open("wb") as file:
        np.savez(file, noise=samples, identity=np.array(identity))
    return samples


def _left(problem: Problem) -> torch.Tensor:
    """The answers to get away from: the library's noise knows no other wish."""
    if problem.away:
        return problem.places
    return problem.victim.answers(problem.clean, problem.lengths)


def _alike(sounds: Sequence[Samples]) -> list[Samples]:
    """Sounds of one length: that of the shortest, but the others are cut or said again to `LESSON_S`."""
    middle = int(np.median([len(sound) for sound in sounds]))
    return [np.resize(sound, middle) for sound in sounds]


def _cut(sound: Samples, length: int, start: float) -> Samples:
    first = int(start * max(0, len(sound) - length + 1))
    return sound[first : first + length]
