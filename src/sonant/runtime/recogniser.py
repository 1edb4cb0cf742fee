"""A bundle that answers: from a file, bytes or samples to a label, and from many files to many."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sonant import audio
from sonant.audio import Clip, Samples
from sonant.card import Card, find
from sonant.errors import AudioError, BundleError, SonantError
from sonant.manifest import Item
from sonant.runtime.graph import WholeGraph
from sonant.runtime.reading import Read, fit, in_batches, read_clips

Pcm = NDArray[np.int16]
TASK: Final = "keywords"
TOP: Final = 3
"""How many labels a prediction names, unless told."""
BATCH: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What a recogniser heard in one clip."""

    path: str
    """The file; empty for samples that came from none."""
    label: str | None
    """The most probable label; None where the clip could not be read."""
    probability: float | None
    """Of `label`."""
    top: tuple[tuple[str, float], ...] = ()
    """The most probable labels with their probabilities, best first."""
    error: str = ""
    """Why the clip could not be read."""
    start_s: float | None = None
    """Seconds from the start of the file, where the clip is a segment."""
    end_s: float | None = None
    """Seconds from the start of the file, where the clip is a segment."""

    def to_json(self) -> dict[str, Any]:
        """What `sonant predict --json` prints for a clip."""
        found: dict[str, Any] = {
            "path": self.path,
            "label": self.label,
            "probability": self.probability,
            "top": [{"label": label, "probability": share} for label, share in self.top],
        }
        if self.start_s is not None or self.end_s is not None:
            found |= {"start_s": self.start_s, "end_s": self.end_s}
        return found | ({"error": self.error} if self.error else {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the graph said of one item."""

    item: Item
    probabilities: NDArray[np.float32] | None
    """[labels]; None where there is an error."""
    error: str = ""
    """Why there is no answer."""
    seconds: float = 0.0
    """This clip's share of the time the graph took for its batch."""


class Recogniser:
    """The whole-clip graph of a keyword bundle, with its labels and its way of reading audio."""

    def __init__(self, card: Card, *, threads: int | None = None) -> None:
        """Open the graph of `card`; `threads` limits the graph's own.

        Raises `BundleError` when the bundle is of another task or its graph does not fit.
        """
        if card.task != TASK or not card.labels:
            raise BundleError(
                f"{card.path}: is for the task '{card.task}', want '{TASK}' with labels"
            )
        self.card: Final = card
        self.graph: Final = WholeGraph(card, threads=threads)

    @classmethod
    def load(cls, path: Path | str, *, threads: int | None = None) -> Recogniser:
        """Open a bundle, a folder of its versions, or the run it came from, and check its files."""
        return cls(Card.read(find(Path(path))), threads=threads)

    @property
    def labels(self) -> tuple[str, ...]:
        """In the order of the probabilities."""
        return self.card.labels

    def predict(
        self,
        clip: Path | str | bytes | Clip | Samples | Pcm,
        *,
        rate_hz: int | None = None,
        top: int = TOP,
    ) -> Prediction:
        """Name the label of one clip: a file, its bytes, a `Clip`, or mono samples at `rate_hz`.

        [samples] are float in [-1, 1] or int16. Raises `AudioError` when they cannot be read.
        """
        name = str(clip) if isinstance(clip, Path | str) else ""
        samples = fit(_clip(clip, rate_hz), self.card.audio, name=name or "the clip")
        item = Item(path=Path(name))
        (answer,) = self._answer([Read(item=item, samples=samples)])
        if answer.error:
            raise AudioError(answer.error)
        return self.prediction(answer, top=top, path=name)

    def predict_many(
        self,
        items: Iterable[Item | Path | str],
        *,
        top: int = TOP,
        batch: int = BATCH,
        workers: int | None = None,
    ) -> Iterator[Prediction]:
        """Name the labels of many clips, in their order, in bounded memory.

        A clip that cannot be read is a `Prediction` with its `error` and no label.
        """
        asked = (item if isinstance(item, Item) else Item(path=Path(item)) for item in items)
        for answer in self.answers(asked, batch=batch, workers=workers):
            yield self.prediction(answer, top=top)

    def answers(
        self, items: Iterable[Item], *, batch: int = BATCH, workers: int | None = None
    ) -> Iterator[Answer]:
        """All probabilities of many items, in their order; what evaluation needs."""
        if batch < 1:
            raise SonantError(f"batch: {batch} clips are too few; want 1 or more")
        for reads in in_batches(read_clips(items, self.card.audio, workers=workers), batch):
            yield from self._answer(reads)

    def prediction(self, answer: Answer, *, top: int = TOP, path: str | None = None) -> Prediction:
        """The `top` labels of an answer; of equally probable ones the first in `labels` leads."""
        if top < 1:
            raise SonantError(f"top: {top} labels are too few; want 1 or more")
        item = answer.item
        ranked: tuple[tuple[str, float], ...] = ()
        if answer.probabilities is not None:
            best = np.argsort(-answer.probabilities, kind="stable")[:top]
            ranked = tuple((self.labels[n], float(answer.probabilities[n])) for n in best)
        return Prediction(
            path=str(item.path) if path is None else path,
            label=ranked[0][0] if ranked else None,
            probability=ranked[0][1] if ranked else None,
            top=ranked,
            error=answer.error,
            start_s=item.start_s,
            end_s=item.end_s,
        )

    def _answer(self, reads: Sequence[Read]) -> Iterator[Answer]:
        """One run of the graph over those clips of a batch that could be read."""
        clips = [read.samples for read in reads if read.samples is not None]
        stacked = np.stack(clips) if clips else np.zeros((0, self.card.audio.samples), np.float32)
        started = time.perf_counter()
        rows = iter(self.graph.probabilities(stacked))
        seconds = (time.perf_counter() - started) / max(len(clips), 1)
        for read in reads:
            if read.samples is None:
                yield Answer(item=read.item, probabilities=None, error=read.error)
                continue
            row = next(rows)
            if np.isfinite(row).all():
                yield Answer(item=read.item, probabilities=row, seconds=seconds)
            else:
                error = (
                    f"{read.item.path}: the graph of {self.card.name} answers NaN; train it again"
                )
                yield Answer(item=read.item, probabilities=None, error=error)


def load(path: Path | str, *, threads: int | None = None) -> Recogniser:
    """Open a bundle to ask it: `sonant.load(bundle).predict("clip.wav")`; see `Recogniser.load`."""
    return Recogniser.load(path, threads=threads)


def _clip(clip: Path | str | bytes | Clip | Samples | Pcm, rate_hz: int | None) -> Clip:
    """Whatever a caller holds, as a clip."""
    if isinstance(clip, Clip):
        return clip
    if not isinstance(clip, np.ndarray):
        return audio.read(clip)
    if rate_hz is None or rate_hz <= 0:
        raise AudioError("samples alone do not say their rate: pass rate_hz= in hertz, or a Clip")
    if clip.ndim != 1:
        raise AudioError(f"samples are {list(clip.shape)}, want mono [samples]")
    if clip.dtype == np.int16:
        return Clip(audio.from_pcm16(clip.astype(np.int16)), rate_hz)
    if not np.issubdtype(clip.dtype, np.floating):
        raise AudioError(f"samples are {clip.dtype}, want float in [-1, 1] or int16")
    return Clip(np.ascontiguousarray(clip, np.float32), rate_hz)
