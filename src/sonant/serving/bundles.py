"""Bundles as the server serves them: one class for each task, and the table that names them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, final

import numpy as np

from sonant import audio
from sonant.audio import Clip, Samples
from sonant.card import Card
from sonant.countermeasures.guards import Guards
from sonant.errors import AudioError, BundleError
from sonant.runtime.graph import WholeGraph
from sonant.runtime.reading import fit
from sonant.runtime.session import StreamGraph
from sonant.runtime.step_graph import STREAM
from sonant.serving.clips import PCM, SAMPLES, WANTED, WAV, from_file, from_pcm16
from sonant.serving.servable import Servable
from sonant.serving.speaker_bundles import SpeakerServable
from sonant.serving.status import invalid
from sonant.serving.tensors import (
    DEFAULT_SIGNATURE,
    FLOAT,
    STRING,
    Method,
    Signature,
    Tensor,
    Tensors,
    TensorSpec,
    text,
)
from sonant.speakers.model import TASK as SPEAKERS

CLASSIFY: Final = "classify"


@final
class KeywordServable(Servable):
    """A keyword bundle: a clip in, a score for each label out."""

    def __init__(self, card: Card) -> None:
        """Open the graphs of `card`; raises `BundleError` where one is missing or damaged."""
        self.card: Final = card
        self.labels = card.labels
        # Requests run side by side, each on one thread: together they are faster than one after
        # the other on all.
        self._graph = WholeGraph(card, threads=1)
        self._names = text(card.labels)
        self.stream = StreamGraph(card) if STREAM in card.graphs else None
        self.signatures = _signatures(len(card.labels))

    def prepare(self, signature: str, inputs: Tensors) -> Tensors:
        """Clips in any of their forms -> `samples` [rows, samples], cut as training cut them."""
        ((name, clips),) = inputs.items()
        if clips.ndim != len(self.signatures[signature].inputs[name].shape or ()):
            raise invalid(f"'{name}' is {list(clips.shape)}, want {WANTED[name]}")
        read = _READERS[name]
        rows = [read(clip, self.card, f"{name}[{row}]") for row, clip in enumerate(clips)]
        empty = np.zeros((0, self.card.audio.samples), np.float32)
        return {SAMPLES: np.stack(rows) if rows else empty}

    def run(self, signature: str, inputs: Tensors) -> Tensors:
        """Scores [rows, labels], each row adding up to 1, and what they speak for."""
        scores = self._graph.probabilities(inputs[SAMPLES])
        if signature == CLASSIFY:
            return {"classes": np.tile(self._names, (len(scores), 1)), "scores": scores}
        return {"scores": scores, "label": self._names[scores.argmax(axis=1)]}

    def warm_up(self, size: int) -> None:
        """Run a batch of silence."""
        self._graph.probabilities(np.zeros((size, self.card.audio.samples), np.float32))


def open_bundle(folder: Path, *, guards: Guards | None = None) -> Servable:
    """Open the bundle in a version folder; every file is held to its sha256 first.

    A speaker bundle stands behind `guards`, where there are some. Raises `BundleError` naming what is
    missing, changed, or of a task that is not served.
    """
    card = Card.read(folder)
    if card.task not in TASKS:
        raise BundleError(
            f"{folder}: is for the task '{card.task}'; served are: {', '.join(sorted(TASKS))}"
        )
    if card.task == SPEAKERS:
        return SpeakerServable(card, guards=guards)
    return TASKS[card.task](card)


TASKS: Final[Mapping[str, Callable[[Card], Servable]]] = {
    "keywords": KeywordServable,
    SPEAKERS: SpeakerServable,
}


def _signatures(labels: int) -> Mapping[str, Signature]:
    answers = {
        "scores": TensorSpec(dtype=FLOAT, shape=(-1, labels), name="scores:0"),
        "label": TensorSpec(dtype=STRING, shape=(-1,), name="label:0"),
    }
    classes = {
        "classes": TensorSpec(dtype=STRING, shape=(-1, labels), name="classes:0"),
        "scores": answers["scores"],
    }
    samples = {SAMPLES: TensorSpec(dtype=FLOAT, shape=(-1, -1), name="samples:0")}
    return {
        DEFAULT_SIGNATURE: Signature(inputs=samples, outputs=answers),
        PCM: Signature(
            inputs={PCM: TensorSpec(dtype=STRING, shape=(-1,), name="pcm:0")}, outputs=answers
        ),
        WAV: Signature(
            inputs={WAV: TensorSpec(dtype=STRING, shape=(-1,), name="wav:0")}, outputs=answers
        ),
        CLASSIFY: Signature(inputs=samples, outputs=classes, method=Method.CLASSIFY),
    }


def _from_samples(clip: Tensor, card: Card, name: str) -> Samples:
    return _fitted(Clip(np.ascontiguousarray(clip, np.float32), card.audio.rate_hz), card, name)


def _from_pcm(clip: bytes, card: Card, name: str) -> Samples:
    """16-bit little-endian mono at the bundle's rate; it needs no rounding to 16 bits again."""
    spec = card.audio
    samples = from_pcm16(clip, name=name)
    return audio.fit_length(samples, spec.samples, pad=spec.pad, crop=spec.crop)


def _from_file(clip: bytes, card: Card, name: str) -> Samples:
    return _fitted(from_file(clip, name=name), card, name)


def _fitted(clip: Clip, card: Card, name: str) -> Samples:
    try:
        return fit(clip, card.audio, name=name)
    except AudioError as error:
        raise invalid(str(error)) from error


_READERS: Final[Mapping[str, Callable[..., Samples]]] = {
    SAMPLES: _from_samples,
    PCM: _from_pcm,
    WAV: _from_file,
}
