"""A run of attacks before it begins: data, threshold, cases, models, and what all rows have alike."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import torch

from sonant.attacking import cases, planning, work
from sonant.attacking.cases import Plan
from sonant.attacking.defending import defences_of
from sonant.attacking.ears import Ear, Read, ear_of
from sonant.attacking.judging import Judge
from sonant.attacking.methods import METHODS, Method, Setting, method_of
from sonant.attacking.planning import Asked
from sonant.attacking.problems import Bench, has_model, listener
from sonant.attacking.thresholds import Threshold, threshold_of
from sonant.attacks.bounds import Bound
from sonant.attacks.defences import Defence
from sonant.audio import Samples
from sonant.card import Card, find
from sonant.errors import SonantError
from sonant.events import Note, OnEvent
from sonant.manifest import Item, Manifest
from sonant.speakers.embedding import WINDOW_S
from sonant.spoofing.detector import Detector

KEPT: Final = 256
"""Recordings that are remembered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a run attacks, and how."""

    asked: Asked
    method: str = "pgd"
    bound: Bound = field(default_factory=Bound)
    steps: int | None = None
    """None: as many as the method takes by itself."""
    queries: int = 5000
    """Of a black box, a clip."""
    minutes: float | None = None
    """None: until all is done."""
    transfer: tuple[Path, ...] = ()
    against_detector: Path | None = None
    defences: tuple[str, ...] = ()
    adaptive: bool = False
    longest_s: float = WINDOW_S
    """Of each clip; a longer one is heard in parts by a bundle, and whole by its torch model."""
    device: str = "auto"

    def __post_init__(self) -> None:
        if not 0 < self.longest_s <= WINDOW_S:
            raise SonantError(f"--seconds {self.longest_s:g}: want more than 0, up to {WINDOW_S:g}")
        if self.adaptive and not self.defences:
            raise SonantError(
                "--adaptive: attacks through defences; name one or more with --defence"
            )
        if self.queries < 1 or (self.steps is not None and self.steps < 1):
            raise SonantError("--queries and --steps are 1 or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run, ready to begin."""

    card: Card
    wanted: Wanted
    out: Path
    plan: Plan
    threshold: Threshold | None
    ear: Ear
    read: Read
    setting: Setting
    method: Method
    settings: dict[str, str]


def prepared(card: Card, wanted: Wanted, out: Path, on_event: OnEvent) -> Run:
    """Find data, threshold and cases, and open what is attacked.

    Raises `SonantError` for what does not fit together.
    """
    rate_hz, device = card.audio.rate_hz, device_of(wanted.device)
    defences = defences_of(wanted.defences, rate_hz=rate_hz)
    heard_by = find(wanted.against_detector) if wanted.against_detector else None
    knowing = bool(heard_by or wanted.adaptive)
    method = method_of(wanted.method, has_model=has_model(card), knowing=knowing)
    one, split = method.needs == "lessons", planning.split_of(wanted.asked)
    asked = replace(wanted.asked, split=split, one_claim=one)
    manifest = planning.manifest_of(asked, card, on_event=on_event)
    threshold = _threshold(card, asked, manifest, longest_s=wanted.longest_s, on_event=on_event)
    cosine = threshold.cosine if threshold else None
    plan = planning.plan(asked, card, manifest, threshold=cosine)
    for remark in plan.remarks:
        on_event(Note(remark))
    read = _reader(card, wanted.longest_s)
    ear = ear_of(card, plan, threshold=cosine, rate_hz=rate_hz, read=read)
    detector = _detector(heard_by, rate_hz=rate_hz) if heard_by else None
    settings = _settings(card, wanted, plan, defences, detector)
    setting = Setting(
        bound=wanted.bound,
        steps=wanted.steps,
        queries=wanted.queries,
        seed=asked.seed,
        folder=out,
        identity=hashlib.sha256(json.dumps([settings, manifest.name]).encode()).hexdigest(),
        device=device,
        judge=Judge(ear, rate_hz=rate_hz, defences=defences, detector=detector),
        bench=Bench(card, plan, ear, device=device) if has_model(card) else None,
        through=defences if wanted.adaptive else (),
        detector=listener(detector.card, device=device) if detector else None,
        lessons=lambda: planning.lessons(asked, plan, manifest),
        example=functools.partial(_example, plan, manifest),
        read=read,
        on_event=on_event,
    )
    return Run(
        card=card,
        wanted=wanted,
        out=out,
        plan=plan,
        threshold=threshold,
        ear=ear,
        read=read,
        setting=setting,
        method=method,
        settings=settings,
    )


def _detector(bundle: Path, *, rate_hz: int) -> Detector:
    """Raises `SonantError` for one whose rate is another, through which no gradient leads to the samples."""
    found = Detector.load(bundle)
    if found.rate_hz != rate_hz:
        raise SonantError(
            f"--against-detector {bundle}: hears {found.rate_hz} Hz, and the bundle that is attacked "
            f"{rate_hz}; take one of its rate"
        )
    return found


def _threshold(
    card: Card, asked: Asked, manifest: Manifest, *, longest_s: float, on_event: OnEvent
) -> Threshold | None:
    """Where it says yes; None of what has no such threshold."""
    if planning.kind_of(asked, card) not in ("verifier", "open-identifier"):
        return None
    found = threshold_of(card, manifest, split=asked.split, longest_s=longest_s, seed=asked.seed)
    on_event(Note(f"threshold: a cosine of {found.cosine:.4f} ({found.how})"))
    return found


def _settings(
    card: Card,
    wanted: Wanted,
    plan: Plan,
    defences: Sequence[Defence],
    detector: Detector | None,
) -> dict[str, str]:
    """What a manifest says of every row alike."""
    bound = wanted.bound
    return {
        "victim": _digest(card),
        "as": plan.kind,
        "goal": plan.goal,
        "method": wanted.method,
        "epsilon": "" if bound.epsilon is None else f"{bound.epsilon:g}",
        "least_snr_db": "" if bound.snr_db is None else f"{bound.snr_db:g}",
        "steps": "" if wanted.steps is None else str(wanted.steps),
        "queries_allowed": str(wanted.queries)
        if METHODS[wanted.method].needs != "gradient"
        else "",
        "seed": str(wanted.asked.seed),
        "threshold": "" if plan.threshold is None else f"{plan.threshold:.6f}",
        "defences": " ".join(one.name for one in defences),
        "adaptive": work.YES if wanted.adaptive else work.NO,
        "detector": _digest(detector.card) if detector else "",
    }


def _digest(card: Card) -> str:
    """The sha256 of the graph that answers."""
    graph = card.graphs["embed" if card.task == "speakers" else "whole"]
    return card.files[graph.file]


def _reader(card: Card, longest_s: float) -> Read:
    @functools.lru_cache(maxsize=KEPT)
    def read(item: Item) -> Samples:
        return cases.sound(item, card.audio, task=card.task, longest_s=longest_s)

    return read


def _example(plan: Plan, manifest: Manifest, answer: str) -> Item | None:
    """A clip that gets an answer by itself: of the word, or of whom it names."""
    for name, items in zip(plan.names, plan.enrolled, strict=False):
        if name == answer:
            return items[0]
    return next((item for item in manifest if item.label == answer), None)


def device_of(name: str) -> torch.device:
    """`auto` is the first GPU where there is one; raises `SonantError` for a device that is not there."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        found = torch.device(name)
    except RuntimeError as error:
        raise SonantError(f"--device {name}: want auto, cpu, cuda or cuda:N") from error
    if found.type == "cuda" and not torch.cuda.is_available():
        raise SonantError(f"--device {name}: there is no GPU that torch can use; take --device cpu")
    return found
