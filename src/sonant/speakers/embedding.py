"""Clips as embeddings, by the graph of a bundle: no torch."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from sonant.audio import Samples
from sonant.card import Card
from sonant.errors import AudioError, BundleError
from sonant.runtime.graph import open_graph
from sonant.runtime.reading import usable_cores
from sonant.speakers.vectors import Vectors, centre, units

EMBED: Final = "embed"
LENGTHS: Final = "lengths"
NORM: Final = "norm"
WINDOW_S: Final = 10.0
"""Longer clips are cut into windows of this length, whose embeddings are averaged."""
SHORTEST_S: Final = 0.1
AT_ONCE: Final = 8
"""Windows in one run of the graph, so that an hour takes no more memory than a minute."""
LEAST_SHARE: Final = 0.8
"""Of the longest window in a run: behind a shorter one mostly silence would be worked out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedding:
    """Where a clip lies among voices."""

    vector: Vectors
    """[size], of unit length."""
    norm: float | None
    """Length before it was made 1, which grows with what there was to hear; None where the graph has none."""


@final
class EmbeddingGraph:
    """The graph `embed` of a bundle, ready to answer on the CPU."""

    def __init__(self, card: Card, *, threads: int | None = None) -> None:
        """Open the graph; `threads` limits its own, and all usable cores are the default.

        Raises `BundleError` when it is missing, damaged, or has other ends than a speaker model's.
        """
        if EMBED not in card.graphs:
            known = ", ".join(sorted(card.graphs)) or "none"
            raise BundleError(
                f"{card.path}: has no graph '{EMBED}' (there: {known}); "
                f"it is no speaker model, train one with the task speakers"
            )
        self.card: Final = card
        self._spec: Final = card.graphs[EMBED]
        self._session: Final = open_graph(card, self._spec.file, threads or usable_cores())
        inputs = {end.name for end in self._session.get_inputs()}
        outputs = {end.name for end in self._session.get_outputs()}
        if inputs != {self._spec.input, LENGTHS} or self._spec.output not in outputs:
            raise BundleError(
                f"{self._file}: has inputs {', '.join(sorted(inputs))} and outputs "
                f"{', '.join(sorted(outputs))}, want {self._spec.input}, {LENGTHS} and "
                f"{self._spec.output}"
            )
        self._outputs: Final = [self._spec.output, *({NORM} & outputs)]

    @property
    def digest(self) -> str:
        """What tells embeddings of this graph from all others: the sha256 of its file."""
        return self.card.files[self._spec.file]

    @property
    def rate_hz(self) -> int:
        """The rate that samples have to have."""
        return self.card.audio.rate_hz

    @property
    def _file(self) -> str:
        return str(self.card.path / self._spec.file)

    def embed(self, samples: Samples, *, window_s: float = WINDOW_S) -> Embedding:
        """[samples] at `rate_hz`, of any length -> its embedding; the same samples give the same bits.

        A clip longer than `window_s` is cut into as few windows of that length as cover it, evenly spread,
        and the middle of their embeddings is taken. Raises `AudioError` for less than `SHORTEST_S` seconds,
        another shape or samples that are not finite, and `BundleError` when the graph fails.
        """
        return self.embed_many([samples], window_s=window_s)[0]

    def embed_many(
        self, clips: Sequence[Samples], *, window_s: float = WINDOW_S
    ) -> list[Embedding]:
        """Embed clips of any lengths, those of like length in one run; each as `embed` does alone.

        That holds up to rounding: sums over a batch may be taken in another order. Raises as `embed` does.
        """
        length = round(window_s * self.rate_hz)
        cut = [_windows(self._checked(clip), length) for clip in clips]
        heard = iter(self._heard([window for windows in cut for window in windows]))
        return [_middle(list(islice(heard, len(windows)))) for windows in cut]

    def _checked(self, samples: Samples) -> Samples:
        if samples.ndim != 1 or not np.isfinite(samples).all():
            raise AudioError(f"samples {list(samples.shape)}: want finite numbers, [samples]")
        if len(samples) < SHORTEST_S * self.rate_hz:
            raise AudioError(
                f"{len(samples) / self.rate_hz:.3f} s are too short to embed; want {SHORTEST_S} s"
            )
        return samples.astype(np.float32, copy=False)

    def _heard(self, windows: Sequence[Samples]) -> list[Embedding]:
        """Windows [samples] of any lengths, in their order."""
        found: dict[int, Embedding] = {}
        for places in _runs([len(window) for window in windows]):
            found |= zip(places, self._run([windows[place] for place in places]), strict=True)
        return [found[place] for place in range(len(windows))]

    def _run(self, windows: Sequence[Samples]) -> list[Embedding]:
        """One run of the graph, silence behind the windows that are shorter than others."""
        lengths = np.array([len(window) for window in windows], np.int64)
        samples = np.zeros((len(windows), lengths.max()), np.float32)
        for row, window in zip(samples, windows, strict=True):
            row[: len(window)] = window
        try:
            vectors, *norms = self._session.run(
                self._outputs, {self._spec.input: samples, LENGTHS: lengths}
            )
        except Exception as error:  # onnxruntime's errors share no narrower class
            raise BundleError(f"{self._file}: failed ({error})") from error
        if not np.isfinite(vectors).all():
            raise BundleError(f"{self._file}: an answer is not a number; the bundle is damaged")
        scales = norms[0].tolist() if norms else [None] * len(windows)
        return [
            Embedding(vector=vector, norm=norm)
            for vector, norm in zip(vectors, scales, strict=True)
        ]


def _middle(windows: Sequence[Embedding]) -> Embedding:
    """Of the windows of one clip."""
    norms = [one.norm for one in windows if one.norm is not None]
    return Embedding(
        vector=centre(units(np.stack([one.vector for one in windows]))),
        norm=float(np.mean(norms)) if norms else None,
    )


def _runs(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Places of windows that go through the graph together, `AT_ONCE` at most and alike in length."""
    order = sorted(range(len(lengths)), key=lambda place: -lengths[place])
    while order:
        least = LEAST_SHARE * lengths[order[0]]
        run = [place for place in order[:AT_ONCE] if lengths[place] >= least]
        yield run
        order = order[len(run) :]


def _windows(samples: Samples, length: int) -> list[Samples]:
    """[samples] as windows of `length` that cover it, evenly spread, or as it is where it fits into one."""
    if len(samples) <= length:
        return [samples]
    count = math.ceil(len(samples) / length)
    starts: NDArray[np.int64] = np.linspace(0, len(samples) - length, count).astype(np.int64)
    return [samples[start : start + length] for start in starts]
