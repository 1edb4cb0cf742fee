"""A conversion bundle that answers: what one voice says, said by another. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self, final

import numpy as np

from sonant import audio
from sonant.audio import Clip, Samples
from sonant.card import Card, find
from sonant.conversion import loudness, pitch, seams, watermark
from sonant.conversion.payload import Payload
from sonant.conversion.vocoders import (
    GRIFFIN_LIM,
    VOCODER,
    GraphVocoder,
    GriffinLim,
    Mel,
    Vocoder,
    in_windows,
    voice_mel,
)
from sonant.errors import AudioError, BundleError
from sonant.runtime.graph import open_graph
from sonant.runtime.reading import usable_cores

TASK: Final = "conversion"
CONVERT: Final = "convert"
SOURCE, TARGET = "source", "target"
"""Inputs of the graph, [batch, samples] each."""
WINDOW_S: Final = 20.0
"""A longer source is converted in windows of at most so many seconds."""
OVERLAP_S: Final = 1.0
SHORTEST_S: Final = 0.25
"""Of a source or a target: less has next to no voice in it."""
TARGET_S: Final = 30.0
"""Of a voice that is listened to; of several files each gives an even share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """What came of a conversion."""

    clip: Clip
    """As long and as loud as the source, at the bundle's rate."""
    mel: Mel
    """[mels, frames], as the graph gave it."""
    windows: int
    """In how many pieces the source was converted."""
    mark_db: float | None
    """Decibels of the speech over the watermark; None without one."""


@final
class Converter:
    """The graph `convert` of a bundle, with a vocoder behind it."""

    def __init__(
        self,
        card: Card,
        *,
        vocoder: Vocoder | None = None,
        window_s: float = WINDOW_S,
        threads: int | None = None,
    ) -> None:
        """Open the graph of `card`; without `vocoder` its nested one is used, or Griffin-Lim.

        Raises `BundleError` when the bundle is of another task, its graph does not fit, or the vocoder
        understands another spectrogram than the graph makes.
        """
        if card.task != TASK or CONVERT not in card.graphs:
            raise BundleError(
                f"{card.path}: is a bundle of {card.task} with the graphs "
                f"{', '.join(sorted(card.graphs)) or 'none'}; converting voices takes one of the task "
                f"{TASK} with the graph '{CONVERT}', as sonant train makes"
            )
        if window_s < 2 * OVERLAP_S:
            raise AudioError(f"windows of {window_s:g} s: want {2 * OVERLAP_S:g} s or more")
        self.card: Final = card
        self.mel: Final = voice_mel(card)
        self._spec: Final = card.graphs[CONVERT]
        self._window_s: Final = window_s
        self._session: Final = open_graph(card, self._spec.file, threads or usable_cores())
        inputs = {end.name for end in self._session.get_inputs()}
        if inputs != {SOURCE, TARGET}:
            raise BundleError(
                f"{card.path / self._spec.file}: has inputs {', '.join(sorted(inputs))}, "
                f"want {SOURCE} and {TARGET}"
            )
        self.vocoder: Final = vocoder or self._own_vocoder(threads)
        self._check_vocoder()

    @classmethod
    def load(
        cls,
        bundle: Path | str,
        vocoder: Path | str | None = None,
        *,
        window_s: float = WINDOW_S,
        threads: int | None = None,
    ) -> Self:
        """Open a bundle, or the newest version in a name or run folder; every file's hash is checked.

        `vocoder` is a bundle of the task vocoding, or `griffin-lim`.
        """
        card = Card.read(find(Path(bundle)))
        made: Vocoder | None = None
        if vocoder == GRIFFIN_LIM:
            made = GriffinLim(voice_mel(card), rate_hz=card.audio.rate_hz)
        elif vocoder is not None:
            made = GraphVocoder(Card.read(find(Path(vocoder))), threads=threads)
        return cls(card, vocoder=made, window_s=window_s, threads=threads)

    @property
    def digest(self) -> str:
        """The sha256 of the graph: what manifests and marks call the model."""
        return self.card.files[self._spec.file]

    @property
    def rate_hz(self) -> int:
        """Of what is made."""
        return self.card.audio.rate_hz

    def convert(
        self,
        source: Clip,
        targets: Sequence[Clip],
        *,
        seed: int = 0,
        f0: bool = False,
        key: str | None = watermark.KEY,
    ) -> Converted:
        """Say what `source` says in the voice of `targets`, clips of one speaker of any rate and length.

        `f0` moves mean and spread of the logarithm of the fundamental to those of the targets. `key` is of
        the watermark, None leaves it out. The same clips and seed give the same samples. Raises `AudioError`
        for a clip that is too short, silent or not finite, and `BundleError` when a graph fails.
        """
        heard = usable(source, "the source", rate_hz=self.rate_hz)
        voice = self.voice(targets)
        mel, windows = self._mel(heard.samples, voice.samples)
        made = self.sound(mel, samples=len(heard.samples), seed=seed)
        if f0:
            made = pitch.moved(made, to=[voice])
        loud = loudness.brought_to(made, loudness.level_db(heard))
        marked = loud if key is None else watermark.embed(loud, Payload.of(self.digest), key=key)
        return Converted(
            clip=marked,
            mel=mel,
            windows=windows,
            mark_db=None if key is None else _ratio_db(loud.samples, marked.samples),
        )

    def sound(self, mel: Mel, *, samples: int, seed: int = 0) -> Clip:
        """What the vocoder makes of a mel, [samples] long and without any mark."""
        return Clip(in_windows(self.vocoder, mel, samples=samples, seed=seed), self.rate_hz)

    def voice(self, targets: Sequence[Clip]) -> Clip:
        """Clips of one speaker as the graph hears them: one behind the other, `TARGET_S` seconds at most."""
        if not targets:
            raise AudioError("no target: give a recording of the voice, or several")
        share = round(TARGET_S * self.rate_hz / len(targets))
        heard = [usable(target, "a target", rate_hz=self.rate_hz) for target in targets]
        return Clip(np.concatenate([clip.samples[:share] for clip in heard]), self.rate_hz)

    def _mel(self, source: Samples, target: Samples) -> tuple[Mel, int]:
        """[samples] of both -> [mels, frames of the source], and how many windows it took."""
        hop = self.mel.hop_length
        frames = self.mel.frames(len(source))
        overlap = round(OVERLAP_S * self.rate_hz / hop)
        window = round(self._window_s * self.rate_hz / hop)
        spans = seams.spans(frames, window=window, overlap=overlap)
        parts = []
        for span in spans:
            # So many samples make that many frames; what is left of the last hop goes with the end.
            stop = len(source) if span.stop == frames else (span.stop - 1) * hop
            parts.append(self._run(source[span.start * hop : stop], target, frames=span.length))
        return seams.joined(parts, spans), len(spans)

    def _run(self, source: Samples, target: Samples, *, frames: int) -> Mel:
        file = self.card.path / self._spec.file
        feed = {SOURCE: source[None], TARGET: target[None]}
        try:
            (mel,) = self._session.run([self._spec.output], feed)
        except Exception as error:  # onnxruntime's errors share no narrower class
            raise BundleError(f"{file}: failed ({error})") from error
        if mel.shape != (1, self.mel.mels, frames) or not np.isfinite(mel).all():
            raise BundleError(
                f"{file}: answers {list(mel.shape)}, or what is no number; "
                f"want finite [1, {self.mel.mels}, {frames}]"
            )
        return np.ascontiguousarray(mel[0], np.float32)

    def _own_vocoder(self, threads: int | None) -> Vocoder:
        if VOCODER in self.card.graphs:
            return GraphVocoder(self.card, threads=threads)
        return GriffinLim(self.mel, rate_hz=self.rate_hz)

    def _check_vocoder(self) -> None:
        has = (self.vocoder.mel, self.vocoder.rate_hz)
        if has != (self.mel, self.rate_hz):
            raise BundleError(
                f"{self.card.path}: makes {self.mel} at {self.rate_hz} Hz, but the vocoder "
                f"understands {has[0]} at {has[1]} Hz; take one that was trained on the same front end"
            )


def usable(clip: Clip, name: str, *, rate_hz: int) -> Clip:
    """A clip at `rate_hz`, in the 16 bits that training reads.

    Raises `AudioError` beginning with `name` when it is too short, silent or not finite.
    """
    if not np.isfinite(clip.samples).all():
        raise AudioError(f"{name}: holds samples that are not numbers (NaN or infinite)")
    if clip.duration_s < SHORTEST_S:
        raise AudioError(f"{name}: lasts {clip.duration_s:.3f} s, want {SHORTEST_S} s or more")
    if loudness.is_silent(clip):
        raise AudioError(f"{name}: is silent, there is no voice in it")
    samples = audio.resample(clip, rate_hz).samples
    return Clip(audio.from_pcm16(audio.to_pcm16(samples)), rate_hz)


def _ratio_db(clean: Samples, marked: Samples) -> float:
    """Decibels of a clip over what was added to it."""
    added = float(np.square(marked - clean, dtype=np.float64).sum())
    whole = float(np.square(clean, dtype=np.float64).sum())
    return 10 * float(np.log10(whole / added)) if added else float("inf")
