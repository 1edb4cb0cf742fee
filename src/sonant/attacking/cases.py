"""What is attacked: clips, and what the attacker wants to be said of each."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np

from sonant import audio
from sonant.audio import Samples
from sonant.card import AudioSpec
from sonant.errors import AudioError
from sonant.manifest import Item
from sonant.runtime import reading

Kind = Literal["verifier", "identifier", "open-identifier", "recogniser"]
WAV: Final = "wav"
"""Folder of the results."""
LEAST_S: Final = 0.1
NAMED: Final = 60
"""Letters of a recording's name that a result keeps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One clip and what is wanted of it."""

    number: int
    """Its place in the plan."""
    item: Item
    answer: str
    """What the victim is to say; where `away`, what it is to say no longer."""
    away: bool = False
    claim: Item | None = None
    """The recording of whom it claims to be; None where nothing is claimed."""

    @property
    def path(self) -> str:
        """Of its result, relative to the folder of results."""
        stem = re.sub(r"[^\w.-]+", "-", self.item.path.stem)[:NAMED]
        return f"{WAV}/{self.number:04d}-{stem}.wav"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything that an attack is about."""

    kind: Kind
    goal: str
    cases: tuple[Case, ...]
    names: tuple[str, ...]
    """What the victim can answer."""
    enrolled: tuple[tuple[Item, ...], ...] = ()
    """Of an identifier: the recordings of each of its people, in the order of `names`."""
    threshold: float | None = None
    """The cosine from which on it is the speaker; None where there is no such question."""
    remarks: tuple[str, ...] = field(default=())
    """What has to be said of it."""

    @property
    def by_threshold(self) -> bool:
        """Whether there is a threshold that an attacker may want to know."""
        return self.kind in ("verifier", "open-identifier")


def sound(item: Item, spec: AudioSpec, *, task: str, longest_s: float) -> Samples:
    """A clip [samples] as it is attacked: at the victim's rate, rounded to 16 bits.

    A recogniser's has the length that the network wants, a speaker model's is cut at `longest_s`. Raises
    `AudioError` naming the clip where it cannot be read or is too short.
    """
    clip = audio.read(item.path, start_s=item.start_s, end_s=item.end_s)
    if task == "keywords":
        return reading.fit(clip, spec, gain=item.gain, name=str(item.path))
    samples = reading.checked(audio.resample(clip, spec.rate_hz).samples, name=str(item.path))
    samples = samples[: round(longest_s * spec.rate_hz)]
    if len(samples) < LEAST_S * spec.rate_hz or not samples.any():
        raise AudioError(f"{item.path}: is silent or shorter than {LEAST_S} s; leave it out")
    return rounded(samples * np.float32(item.gain))


def rounded(samples: Samples) -> Samples:
    """As a file of 16 bits gives them back."""
    return audio.from_pcm16(audio.to_pcm16(samples))
