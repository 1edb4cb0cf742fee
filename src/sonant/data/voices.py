"""Who speaks the embedded corpus: voices in terms that every synthesiser can follow."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

import numpy as np

from sonant.audio import Clip
from sonant.draws import Draws

ENDINGS: Final = ("", ".", "?", "!")
"""Marks that change the melody of a word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """How a speaker sounds."""

    timbre: int
    """Which of the synthesiser's voices; two speakers share one only when there are not enough."""
    accent: float
    """In [0, 1), a place in the synthesiser's list of accents."""
    height: float
    """From 0, the lowest pitch the timbre can take, to 1, the highest."""
    tract: float
    """Resonances relative to the timbre's own: 1.05 is a vocal tract 5 % shorter."""
    speed: float
    """Relative to the synthesiser's ordinary speed."""
    melody: float
    """From 0, monotone, to 1, lively."""
    breath: float
    """From 0, clear, to 1, breathy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """One word, once."""

    word: str
    voice: Voice
    """The speaker's voice as it is in this take."""
    ending: str = ""
    """One of `ENDINGS`."""
    seed: int = 0
    """For what the synthesiser draws by itself: noise, unsteadiness."""


class Engine(Protocol):
    """A synthesiser."""

    @property
    def name(self) -> str:
        """`espeak` or `formant`."""

    @property
    def timbres(self) -> int:
        """How many timbres it tells apart."""

    @property
    def versions(self) -> Mapping[str, str]:
        """What makes the sound, by name, for the corpus's card."""

    @property
    def licence(self) -> str:
        """One sentence, for the corpus's card."""

    def check(self, words: Sequence[str]) -> None:
        """Raise `ManifestError` for a word that it cannot say."""

    def speak(self, utterances: Sequence[Utterance]) -> Generator[Clip, None, None]:
        """The sound of each utterance, in order, at whatever rate it comes."""


def cast(count: int, *, timbres: int, seed: int) -> tuple[Voice, ...]:
    """Draw `count` voices; the first `timbres` of them differ in timbre."""
    draws = Draws(seed, 0, np.arange(count))
    order = np.argsort(Draws(seed, 0, np.arange(timbres)).uniform("timbre")[:, 0], kind="stable")
    return tuple(
        Voice(
            timbre=int(order[number % timbres]),
            accent=float(draws.uniform("accent")[number, 0]),
            height=float(draws.uniform("height")[number, 0]),
            tract=float(draws.uniform("tract", 0.95, 1.05)[number, 0]),
            speed=float(draws.uniform("speed", 0.9, 1.15)[number, 0]),
            melody=float(draws.uniform("melody")[number, 0]),
            breath=float(draws.uniform("breath")[number, 0]),
        )
        for number in range(count)
    )


def take_of(voice: Voice, word: str, *, rng: np.random.Generator) -> Utterance:
    """The word as the speaker happens to say it this time: a little higher, slower, as a question."""
    spoken = replace(
        voice,
        height=float(np.clip(voice.height + rng.uniform(-0.1, 0.1), 0.0, 1.0)),
        speed=voice.speed * rng.uniform(0.9, 1.1),
        melody=float(np.clip(voice.melody + rng.uniform(-0.2, 0.2), 0.0, 1.0)),
    )
    ending = ENDINGS[int(rng.integers(len(ENDINGS)))]
    return Utterance(word=word, voice=spoken, ending=ending, seed=int(rng.integers(1, 2**31)))


def hastened(utterance: Utterance, factor: float) -> Utterance:
    """The same, `factor` times as fast."""
    voice = replace(utterance.voice, speed=utterance.voice.speed * factor)
    return replace(utterance, voice=voice)
