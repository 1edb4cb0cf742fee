"""What can be said of a stage in a plan: one table of settings a kind. No torch.

A setting that names another stage is text; which those are stands in `stages.STAGES`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from sonant.errors import RecipeError

EVERY_SPLIT = ("train", "validation", "test")
Method = Literal["fgsm", "pgd", "cw", "universal", "hopskipjump", "nes", "fakebob", "advgan"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """Words that this machine speaks itself, by many voices."""

    words: tuple[str, ...] = ("down", "left", "right", "stop")
    speakers: int = 30
    takes: int = 2
    duration_s: float = 1.0
    engine: Literal["auto", "espeak", "formant"] = "auto"
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Clips:
    """Recordings of people, chosen and put into splits of whole speakers, which all stages then keep."""

    source: str = ""
    """A folder, a table or a fetched corpus; `--data` gives it where it is empty."""
    speakers: int = 0
    """So many at most, those with the most recordings first; 0 for all."""
    per_speaker: int = 0
    """Clips of each at most; 0 for all."""
    segment_s: float = 0.0
    """Recordings are cut into pieces of so many seconds; 0 leaves them whole."""
    shares: tuple[float, ...] = (70.0, 15.0, 15.0)
    """Of the speakers, for train, validation and test."""
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.speakers, self.per_speaker) < 0 or not 0 <= self.segment_s < math.inf:
            raise RecipeError("speakers, per_speaker, segment_s: none can be below 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """A network that is trained by a recipe."""

    recipe: str
    """A shipped one, or a file, also beside the plan."""
    data: str
    settings: tuple[str, ...] = ()
    """Overrides of the recipe, as in fit.epochs=5."""
    rehearsal: bool = True
    """Whether saving, export and a prediction are tried before the first epoch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Detecting:
    """A detector, trained from one seed or several."""

    recipe: str = "spoof-lcnn"
    data: str
    settings: tuple[str, ...] = ()
    """Overrides of the recipe."""
    seeds: int = 1
    """Trainings from other beginnings; the best on validation goes on."""
    rehearsal: bool = True
    """Whether saving, export and a prediction are tried before the first epoch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fusing:
    """Several verifiers as one."""

    bundles: tuple[str, ...]
    data: str
    weights: str = "learned"
    """`learned` on validation, `equal`, or numbers with commas between."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibrating:
    """Scores of a verifier as likelihood ratios."""

    bundle: str
    data: str
    split: str = "validation"
    per_speaker: int = 20
    """Pairs of each speaker, at most."""
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Converting:
    """Speech of some people in the voices of others, both of the same split."""

    converter: str
    vocoder: str = ""
    """A stage; empty for Griffin-Lim."""
    verifier: str = ""
    """A stage that says whose voice is heard; empty asks nobody."""
    data: str
    count: int = 60
    """Conversions of each split."""
    splits: tuple[str, ...] = EVERY_SPLIT
    copies: int = 20
    """Recordings by which the stage's page says what the vocoder alone does, at most."""
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Copying:
    """Recordings through a vocoder and back, with nothing converted: the control."""

    vocoder: str = ""
    """A stage; empty for Griffin-Lim."""
    data: str
    count: int = 60
    """Copies of each split."""
    label: Literal["spoof", "bonafide"] = "spoof"
    """What a detector is told that they are; as `bonafide` it must not listen for the vocoder."""
    splits: tuple[str, ...] = EVERY_SPLIT
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Replaying:
    """Recordings played by a loudspeaker in a room, and the same people heard there themselves."""

    data: str
    count: int = 60
    """Replays of each split."""
    live: bool = True
    """Whether each recording is also given as bona fide speech in that room, so that rooms tell nothing."""
    splits: tuple[str, ...] = EVERY_SPLIT
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Attacking:
    """Clips changed so that a verifier takes them for somebody else."""

    bundle: str
    data: str
    detector: str = ""
    """A stage whose word the attacker reckons with; empty for none."""
    transfer: tuple[str, ...] = ()
    """Other verifiers that are asked about the same clips."""
    method: Method = "pgd"
    goal: str = ""
    epsilon: float = 0.002
    """Largest change of a sample, of 1; 0 for any."""
    snr_db: float | None = None
    """Least ratio of speech to change."""
    steps: int | None = None
    queries: int = 5000
    minutes: float | None = None
    count: int = 30
    """Clips of each split."""
    splits: tuple[str, ...] = EVERY_SPLIT
    defences: tuple[str, ...] = ()
    adaptive: bool = False
    """Whether the attacker goes through the defences."""
    longest_s: float = 10.0
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathering:
    """Bona fide clips and forgeries of every kind, made alike, in one table."""

    data: str
    spoofs: tuple[str, ...]
    held_out_generators: tuple[str, ...] = ()
    """Stages whose forgeries are in the test alone."""
    held_out_vocoders: tuple[str, ...] = ()
    """Vocoders (stages, or griffin-lim) whose forgeries are in the test alone."""
    bonafide: int = 0
    """Recordings of each split, at most; 0 for all."""
    length_s: float = 3.0
    """Of every clip; shorter ones are left out."""
    level_db: float = -26.0
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Auditing:
    """Whether silence, length, gain and the like tell the labels apart."""

    data: str
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Judging:
    """A verifier and a detector together, on the test split."""

    bundle: str
    detector: str
    data: str
    spoof_share: float = 0.5
    """Of what has to be refused, for one score of both."""
    per_speaker: int = 20
    seed: int = 0
