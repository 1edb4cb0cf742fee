"""The attacks by name, each one signature: cases and their clean sounds in, changed sounds out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, NamedTuple, TypeAlias

import numpy as np
import torch
from torch import Tensor

from sonant.attacking import learned, proving
from sonant.attacking.cases import Case
from sonant.attacking.ears import Read
from sonant.attacking.judging import Judge
from sonant.attacking.problems import Bench, Problem, counted, stacked
from sonant.attacks import black_box, defences, gradient, objectives, toolbox
from sonant.attacks.bounds import Bound
from sonant.attacks.defences import Defence
from sonant.attacks.objectives import Objective
from sonant.attacks.oracle import Oracle
from sonant.attacks.victims import ANOTHER, CLAIMED, Listener
from sonant.audio import Samples
from sonant.errors import SonantError
from sonant.events import OnEvent, silent
from sonant.manifest import Item

CW_STEPS: Final = 50
JUMPS: Final = 10
LOUD: Final = 0.1
"""Of noise from which an attack by answers alone begins where nothing better is known."""


class Found(NamedTuple):
    """What an attack made of some cases."""

    changed: list[Samples]
    """[samples] of each, inside the bound."""
    queries: list[int]
    """Times that the victim was asked about each."""


Attack: TypeAlias = Callable[[Sequence[Case], Sequence[Samples]], Found]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What all attacks of a run share."""

    bound: Bound
    steps: int | None
    """None: as many as the method takes by itself."""
    queries: int
    """Of black boxes, a clip."""
    seed: int
    folder: Path
    """Where what was learned is kept."""
    identity: str
    """Of victim, data and settings: what was learned for another is not used."""
    device: torch.device
    judge: Judge
    bench: Bench | None
    """None where there is no torch model."""
    through: tuple[Defence, ...] = ()
    """Defences that the attacker knows of and attacks through."""
    detector: Listener | None = None
    """That has to be got past as well."""
    lessons: Callable[[], tuple[Case, ...]]
    """The same goal for clips of the training split."""
    example: Callable[[str], Item | None]
    """A clip that gets an answer by itself."""
    read: Read
    on_event: OnEvent = silent

    @property
    def model(self) -> Bench:
        """The torch model; methods that need none never ask."""
        assert self.bench is not None, "a method that follows gradients has been given no model"
        return self.bench


class Method(NamedTuple):
    """An attack and what it needs."""

    make: Callable[[Setting], Attack]
    needs: Literal["gradient", "scores", "answers", "lessons"]
    together: bool
    """Whether clips are attacked in batches."""
    adaptive: bool
    """Whether it can attack through defences and past a detector that it knows of."""
    about: str


def wish(problem: Problem, setting: Setting) -> Objective:
    """What the attacker raises: the goal, past the detector, through the defences he knows of."""
    found = problem.objective
    if setting.detector is not None:
        bona_fide = torch.zeros(len(problem.cases), dtype=torch.long)
        past = objectives.towards(setting.detector, bona_fide, lengths=problem.lengths)
        found = objectives.jointly([found, past])
    if setting.through:
        found = defences.adaptive(found, setting.through, seed=setting.seed)
    return found


def _fgsm(setting: Setting) -> Attack:
    def change(problem: Problem) -> Tensor:
        return gradient.fgsm(
            wish(problem, setting), problem.clean, bound=setting.bound, lengths=problem.lengths
        )

    return _followed(change, setting)


def _pgd(setting: Setting) -> Attack:
    def change(problem: Problem) -> Tensor:
        return proving.descent(
            problem,
            lambda these: wish(these, setting),
            bound=setting.bound,
            steps=setting.steps or proving.STEPS,
        )

    return _followed(change, setting)


def _cw(setting: Setting) -> Attack:
    def change(problem: Problem) -> Tensor:
        return toolbox.carlini_wagner(
            problem.victim,
            problem.clean,
            problem.places,
            bound=setting.bound,
            targeted=not problem.away,
            steps=setting.steps or CW_STEPS,
        )

    return _one_by_one(change, setting)


def _hop_skip_jump(setting: Setting) -> Attack:
    steps = setting.steps or JUMPS

    def change(problem: Problem) -> Tensor:
        targeted, places = not problem.away, problem.places
        if problem.cases[0].answer == ANOTHER:
            # Of two answers, towards one is away from the other, which needs no sound to begin from.
            targeted = False
            places = torch.full_like(places, problem.victim.names.index(CLAIMED))
        beginning = _beginning(problem, setting) if targeted else None
        return toolbox.hop_skip_jump(
            problem.victim,
            problem.clean,
            places,
            bound=setting.bound,
            targeted=targeted,
            steps=steps,
            queries=max(10, setting.queries // steps),
            beginning=beginning,
        )

    return _one_by_one(change, setting)


def _nes(setting: Setting) -> Attack:
    guessing = black_box.Guessing(steps=setting.steps or black_box.Guessing().steps)

    def attack(cases: Sequence[Case], sounds: Sequence[Samples]) -> Found:
        changed, queries = [], []
        for case, sound in zip(cases, sounds, strict=True):
            oracle = Oracle(setting.judge.ask(case), budget=setting.queries)
            clean, _ = stacked([sound])
            pushed = black_box.nes(
                oracle,
                clean,
                bound=setting.bound,
                guessing=guessing,
                seed=setting.seed + case.number,
            )
            changed.append(pushed.changed[0, 0].numpy())
            queries.append(pushed.queries)
        return Found(changed, queries)

    return attack


def _universal(setting: Setting) -> Attack:
    noise = learned.noise(
        setting.model,
        setting.lessons,
        bound=setting.bound,
        rounds=setting.steps,
        read=setting.read,
        path=setting.folder / "universal.npz",
        identity=setting.identity,
    )

    def attack(cases: Sequence[Case], sounds: Sequence[Samples]) -> Found:
        changed = []
        for sound in sounds:
            clean, _ = stacked([sound])
            tiled = torch.from_numpy(np.resize(noise, len(sound)))[None, None]
            changed.append(setting.bound.inside(clean + tiled, clean)[0, 0].numpy())
        return Found(changed, [0] * len(changed))

    return attack


def _advgan(setting: Setting) -> Attack:
    generator = learned.generator(
        setting.model,
        setting.lessons,
        wish=lambda problem: wish(problem, setting),
        bound=setting.bound,
        steps=setting.steps,
        seed=setting.seed,
        read=setting.read,
        path=setting.folder / "advgan.safetensors",
        identity=setting.identity,
        on_event=setting.on_event,
    )

    @torch.no_grad()
    def attack(cases: Sequence[Case], sounds: Sequence[Samples]) -> Found:
        clean, lengths = stacked(sounds)
        where = None if lengths is None else lengths.to(setting.device)
        changed = generator(clean.to(setting.device), setting.bound, where)
        return Found(_cut(changed, sounds), [0] * len(sounds))

    return attack


METHODS: Final[Mapping[str, Method]] = {
    "fgsm": Method(_fgsm, "gradient", True, True, "one step along the gradient's signs"),
    "pgd": Method(_pgd, "gradient", True, True, "many steps along the gradient"),
    "cw": Method(_cw, "gradient", False, False, "the change of least energy, Carlini and Wagner"),
    "universal": Method(_universal, "lessons", True, False, "one noise for all clips"),
    "hopskipjump": Method(_hop_skip_jump, "answers", False, False, "by answers alone"),
    "nes": Method(_nes, "scores", False, True, "by scores alone"),
    "fakebob": Method(_nes, "scores", False, True, "by scores alone, the threshold guessed first"),
    "advgan": Method(_advgan, "lessons", True, True, "a trained generator, one pass a clip"),
}
"""Every attack by the name that `--method` takes."""


def _followed(change: Callable[[Problem], Tensor], setting: Setting) -> Attack:
    """An attack on a whole batch at once."""

    def attack(cases: Sequence[Case], sounds: Sequence[Samples]) -> Found:
        problem = setting.model.problem(cases, sounds)
        with counted(problem.victim) as count:
            changed = change(problem)
        return Found(_cut(changed, sounds), [round(count.clips / len(cases))] * len(cases))

    return attack


def _one_by_one(change: Callable[[Problem], Tensor], setting: Setting) -> Attack:
    """An attack whose library takes clips of one length and one claim."""

    def attack(cases: Sequence[Case], sounds: Sequence[Samples]) -> Found:
        changed, queries = [], []
        for problem, sound in zip(setting.model.problem(cases, sounds).each(), sounds, strict=True):
            with counted(problem.victim) as count:
                changed += _cut(change(problem), [sound])
            queries.append(count.clips)
        return Found(changed, queries)

    return attack


def _beginning(problem: Problem, setting: Setting) -> Tensor:
    """A sound as long as the clip that gets the wanted answer, or noise where none is known."""
    case, samples = problem.cases[0], problem.clean.shape[-1]
    item = case.claim or setting.example(case.answer)
    if item is None:
        drawn = np.random.default_rng([setting.seed, case.number]).standard_normal(samples)
        sound = (LOUD * drawn).clip(-1, 1).astype(np.float32)
    else:
        sound = np.resize(setting.read(item), samples)
    return torch.from_numpy(sound)[None, None].to(problem.clean)


def _cut(changed: Tensor, sounds: Sequence[Samples]) -> list[Samples]:
    rows = changed.detach().cpu().numpy()[:, 0]
    return [row[: len(sound)] for row, sound in zip(rows, sounds, strict=True)]


def method_of(name: str, *, has_model: bool, knowing: bool) -> Method:
    """A method by its name; `knowing`: it is to attack through defences, or past a detector.

    Raises `SonantError` where it cannot do what is asked of it.
    """
    if name not in METHODS:
        raise SonantError(
            f"--method {name}: there is no such attack; there are {', '.join(METHODS)}"
        )
    method = METHODS[name]
    if not has_model and method.needs != "scores":
        blind = [other for other, one in METHODS.items() if one.needs == "scores"]
        raise SonantError(
            f"--method {name}: follows a torch model, and this bundle is a graph alone (fused); "
            f"{' and '.join(blind)} attack it by its scores, or attack one of its parts and name this "
            "one with --transfer"
        )
    if knowing and not method.adaptive:
        able = [other for other, one in METHODS.items() if one.adaptive]
        raise SonantError(
            f"--method {name}: cannot attack through defences or past a detector; these can: "
            f"{', '.join(able)}"
        )
    return method
