"""Every kind of stage: its settings, the library call behind it, what it takes and what it gives."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sonant.pipeline import (
    attacks,
    copies,
    recordings,
    settings,
    spoof_corpus,
    tandem,
    training,
    voices,
)
from sonant.pipeline.making import Bench, Made, Port


def _nothing(settings: Any) -> object:
    """There is nothing outside that a stage depends on."""
    return None


def _unknown(settings: Any) -> tuple[int, float]:
    return 0, 0.0


def _counted(settings: Any) -> tuple[int, float]:
    """Clips that will be made of all splits, at most."""
    return settings.count * len(settings.splits), 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A row of the table."""

    settings: type
    make: Callable[[Any, Bench], Made]
    gives: Port
    takes: Mapping[str, tuple[Port, ...]] = field(default_factory=dict)
    """Settings that name stages, and what these have to give."""
    places: tuple[str, ...] = ()
    """Settings that may name a file beside the plan."""
    outside: Callable[[Any], object] = _nothing
    """What lies outside the run and changes the result, as plain values: recipes, recordings."""
    size: Callable[[Any], tuple[int, float]] = _unknown
    """Clips and seconds of sound that it will make, as far as the settings say."""
    resumes: bool = False
    """Whether it goes on with what a killed try left; others begin anew."""
    version: int = 1
    """Raised when the same settings are meant to give something else."""

    def optional(self, setting: str) -> bool:
        """Whether a setting may name no stage."""
        found = next(one for one in dataclasses.fields(self.settings) if one.name == setting)
        return found.default is not dataclasses.MISSING


_TRAINED: Final[Mapping[str, tuple[Port, ...]]] = {"data": ("clips",)}

STAGES: Final[dict[str, Kind]] = {
    "corpus": Kind(
        settings=settings.Corpus,
        make=recordings.speak,
        gives="clips",
        size=recordings.spoken,
    ),
    "clips": Kind(
        settings=settings.Clips,
        make=recordings.choose,
        gives="clips",
        places=("source",),
        outside=recordings.source_of,
    ),
    "speaker": Kind(
        settings=settings.Training,
        make=training.trained("speakers"),
        gives="verifier",
        takes=_TRAINED,
        places=("recipe",),
        outside=training.recipe_of,
        resumes=True,
    ),
    "fuse": Kind(
        settings=settings.Fusing,
        make=training.fuse,
        gives="verifier",
        takes={"bundles": ("verifier",), "data": ("clips",)},
    ),
    "calibrate": Kind(
        settings=settings.Calibrating,
        make=training.calibrate,
        gives="verifier",
        takes={"bundle": ("verifier",), "data": ("clips",)},
    ),
    "vocoder": Kind(
        settings=settings.Training,
        make=training.trained("vocoding"),
        gives="vocoder",
        takes=_TRAINED,
        places=("recipe",),
        outside=training.recipe_of,
        resumes=True,
    ),
    "converter": Kind(
        settings=settings.Training,
        make=training.trained("conversion"),
        gives="converter",
        takes=_TRAINED,
        places=("recipe",),
        outside=training.recipe_of,
        resumes=True,
    ),
    "convert": Kind(
        settings=settings.Converting,
        make=voices.convert,
        gives="forgeries",
        takes={
            "converter": ("converter",),
            "vocoder": ("vocoder",),
            "verifier": ("verifier",),
            "data": ("clips",),
        },
        size=_counted,
        resumes=True,
    ),
    "copies": Kind(
        settings=settings.Copying,
        make=copies.copy,
        gives="forgeries",
        takes={"vocoder": ("vocoder",), "data": ("clips",)},
        size=copies.counted,
        resumes=True,
    ),
    "replays": Kind(
        settings=settings.Replaying,
        make=copies.replay,
        gives="forgeries",
        takes={"data": ("clips",)},
        size=copies.counted,
        resumes=True,
    ),
    "attack": Kind(
        settings=settings.Attacking,
        make=attacks.attack,
        gives="forgeries",
        takes={
            "bundle": ("verifier",),
            "data": ("clips",),
            "detector": ("detector",),
            "transfer": ("verifier",),
        },
        size=_counted,
        resumes=True,
    ),
    "spoof-data": Kind(
        settings=settings.Gathering,
        make=spoof_corpus.gather,
        gives="corpus",
        takes={"data": ("clips",), "spoofs": ("forgeries",)},
    ),
    "audit": Kind(
        settings=settings.Auditing,
        make=spoof_corpus.audit,
        gives="figures",
        takes={"data": ("corpus",)},
    ),
    "detector": Kind(
        settings=settings.Detecting,
        make=training.detector,
        gives="detector",
        takes={"data": ("corpus",)},
        places=("recipe",),
        outside=training.recipe_of,
        resumes=True,
    ),
    "tandem": Kind(
        settings=settings.Judging,
        make=tandem.judge,
        gives="figures",
        takes={"bundle": ("verifier",), "detector": ("detector",), "data": ("corpus",)},
    ),
}
"""Kinds of stages by the name that a plan gives them."""
