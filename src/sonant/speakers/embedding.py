"""A clip as an embedding, by the graph of a bundle: no torch."""

from __future__ import annotations

import math
from dataclasses import dataclass
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
        if samples.ndim != 1 or not np.isfinite(samples).all():
            raise AudioError(f"samples {list(samples.shape)}: want finite numbers, [samples]")
        if len(samples) < SHORTEST_S * self.rate_hz:
            raise AudioError(
                f"{len(samples) / self.rate_hz:.3f} s are too short to embed; want {SHORTEST_S} s"
            )
        cut = _windows(samples.astype(np.float32, copy=False), round(window_s * self.rate_hz))
        runs = [self._run(cut[start : start + AT_ONCE]) for start in range(0, len(cut), AT_ONCE)]
        vectors = np.concatenate([vectors for vectors, _ in runs])
        norms = [norm for _, found in runs for norm in found]
        middle = centre(units(vectors))
        return Embedding(vector=middle, norm=float(np.mean(norms)) if norms else None)

    def _run(self, windows: Samples) -> tuple[Vectors, list[float]]:
        """Windows [batch, samples] of one length -> vectors [batch, size], and their norms if there are."""
        lengths = np.full(len(windows), windows.shape[1], np.int64)
        try:
            vectors, *norms = self._session.run(
                self._outputs, {self._spec.input: windows, LENGTHS: lengths}
            )
        except Exception as error:  # onnxruntime's errors share no narrower class
            raise BundleError(f"{self._file}: failed ({error})") from error
        if not np.isfinite(vectors).all():
            raise BundleError(f"{self._file}: an answer is not a number; the bundle is damaged")
        return vectors, [float(norm) for found in norms for norm in found]


def _windows(samples: Samples, length: int) -> Samples:
    """[samples] -> [windows, length], or [1, samples] where they fit into one; a copy."""
    if len(samples) <= length:
        return samples[None]
    count = math.ceil(len(samples) / length)
    starts: NDArray[np.int64] = np.linspace(0, len(samples) - length, count).astype(np.int64)
    return np.stack([samples[start : start + length] for start in starts])
