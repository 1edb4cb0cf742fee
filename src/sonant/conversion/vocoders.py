"""What makes sound of a mel spectrogram: Griffin-Lim, which is always there, or the graph of a bundle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol, final

import numpy as np
from numpy.typing import NDArray

from sonant import audio, strict
from sonant.audio import Samples
from sonant.card import FILE, Card
from sonant.conversion import seams
from sonant.conversion.griffin_lim import ITERATIONS, sound_of
from sonant.errors import BundleError, RecipeError
from sonant.nn.voice_mel_config import VOICES, VoiceMel
from sonant.runtime.graph import open_graph
from sonant.runtime.reading import usable_cores

GRIFFIN_LIM: Final = "griffin-lim"
VOCODER: Final = "vocoder"
"""The graph of a bundle, a vocoder's own or nested in a converter's."""
WINDOW_S: Final = 20.0
OVERLAP_S: Final = 0.5
"""A longer spectrogram is taken in windows, so that an hour needs no more memory than a minute."""

Mel = NDArray[np.float32]
"""[mels, frames], log magnitudes as `VoiceMel` says."""


class Vocoder(Protocol):
    """Log magnitudes in, samples out."""

    @property
    def name(self) -> str:
        """What manifests call it: `griffin-lim`, or the sha256 of its graph."""

    @property
    def mel(self) -> VoiceMel:
        """The spectrogram it understands."""

    @property
    def rate_hz(self) -> int:
        """Of the sound it makes."""

    def sound(self, mel: Mel, *, seed: int) -> Samples:
        """[mels, frames] -> about frames x hop samples, the first around the first frame's middle."""


@final
class GriffinLim:
    """Needs no training, and sounds a little as if from a pipe."""

    def __init__(self, mel: VoiceMel, *, rate_hz: int, iterations: int = ITERATIONS) -> None:
        self.mel: Final = mel
        self.rate_hz: Final = rate_hz
        self.name: Final = GRIFFIN_LIM
        self._iterations: Final = iterations

    def sound(self, mel: Mel, *, seed: int) -> Samples:
        """The same mel and seed give the same samples."""
        (found,) = sound_of(
            [mel], self.mel, rate_hz=self.rate_hz, iterations=self._iterations, seed=seed
        )
        return found


@final
class GraphVocoder:
    """The graph `vocoder` of a bundle."""

    def __init__(self, card: Card, *, threads: int | None = None) -> None:
        """Open the graph; raises `BundleError` where there is none, or it is damaged."""
        if VOCODER not in card.graphs:
            known = ", ".join(sorted(card.graphs)) or "none"
            raise BundleError(
                f"{card.path}: has no graph '{VOCODER}' (there: {known}); "
                f"train one with the task vocoding, or say griffin-lim"
            )
        self.card: Final = card
        self._spec: Final = card.graphs[VOCODER]
        self._session: Final = open_graph(card, self._spec.file, threads or usable_cores())
        self.mel: Final = voice_mel(card)
        self.rate_hz: Final = card.audio.rate_hz

    @property
    def name(self) -> str:
        """The sha256 of the graph."""
        return self.card.files[self._spec.file]

    def sound(self, mel: Mel, *, seed: int) -> Samples:
        """A graph draws nothing, so `seed` changes nothing."""
        file = self.card.path / self._spec.file
        try:
            (samples,) = self._session.run([self._spec.output], {self._spec.input: mel[None]})
        except Exception as error:  # onnxruntime's errors share no narrower class
            raise BundleError(f"{file}: failed ({error})") from error
        if samples.ndim != 2 or len(samples) != 1 or not np.isfinite(samples).all():
            raise BundleError(
                f"{file}: answers {list(samples.shape)}, or what is no number; "
                f"want finite [1, samples]"
            )
        return np.ascontiguousarray(samples[0], np.float32)


def in_windows(vocoder: Vocoder, mel: Mel, *, samples: int, seed: int) -> Samples:
    """The sound of a mel of any length, [samples]: made in windows that fade into each other."""
    hop = vocoder.mel.hop_length
    spans = seams.spans(
        mel.shape[1],
        window=round(WINDOW_S * vocoder.rate_hz / hop),
        overlap=round(OVERLAP_S * vocoder.rate_hz / hop),
    )
    parts = [vocoder.sound(mel[:, span.start : span.stop], seed=seed) for span in spans]
    fitted = [
        audio.fit_length(part, span.length * hop) for part, span in zip(parts, spans, strict=True)
    ]
    sized = [seams.Span(start=span.start * hop, stop=span.stop * hop) for span in spans]
    return audio.fit_length(seams.joined_sound(fitted, sized), samples)


def voice_mel(card: Card) -> VoiceMel:
    """The mel that the graphs of a bundle are made for, as its recipe says; raises `BundleError` else."""
    front_end: Any = card.recipe.get("front_end")
    try:
        if not isinstance(front_end, Mapping) or front_end.get("name") not in VOICES:
            raise RecipeError(f"recipe.front_end: {front_end!r} is none of {', '.join(VOICES)}")
        rest = {key: value for key, value in front_end.items() if key != "name"}
        mel = strict.build(VOICES[front_end["name"]], rest, "recipe.front_end", tables={})
    except RecipeError as error:
        raise BundleError(f"{card.path / FILE}: {error}") from error
    assert isinstance(mel, VoiceMel)
    return mel
