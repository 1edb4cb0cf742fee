"""A bundle of the task spoofing that answers: how likely a clip was forged. No torch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self, final

import numpy as np
from numpy.typing import NDArray

from sonant import audio
from sonant.audio import Clip, Samples
from sonant.card import FILE, Card, find
from sonant.errors import AudioError, BundleError
from sonant.json_tree import JsonTree
from sonant.listing.spoof_labels import LABELS
from sonant.manifest import Item
from sonant.runtime.graph import WHOLE, open_graph
from sonant.runtime.reading import usable_cores
from sonant.verification.calibration import Calibration

TASK: Final = "spoofing"
KEY: Final = "spoofing"
"""Of the card's operating point."""
SHORTEST_S: Final = 0.25
"""A clip shorter than this is said again and again until it is as long."""
AT_ONCE: Final = 8
"""Windows in one run of the graph, so that an hour takes no more memory than a minute."""
LEAST: Final = 1e-37
"""The probability that counts as 0: about the least that float32 holds."""

Source = Path | str | bytes | Samples | Clip | Item
"""A file, the bytes of one, samples [samples] in [-1, 1], or a clip of a manifest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoofness:
    """What a detector says of a clip."""

    p_spoof: float
    """Probability that it was forged, 0 to 1, where one clip in `1 / prior` is."""
    llr_bonafide: float
    """Log-likelihood ratio in nats, above 0 for bona fide speech, below for a forgery."""
    prior: float
    """Probability of a forgery before it was heard."""
    calibrated: bool
    """Whether the LLR was held against truth; without that it orders clips, and its size means little."""
    windows: int
    """Parts of the clip that were heard one by one, and their answers averaged."""
    duration_s: float

    @classmethod
    def of(
        cls, llr: float, *, prior: float, calibrated: bool, windows: int, duration_s: float
    ) -> Self:
        """The probability follows from LLR and prior."""
        odds = math.log(prior / (1.0 - prior)) - llr
        return cls(
            p_spoof=float(np.exp(-np.logaddexp(0.0, -odds))),
            llr_bonafide=llr,
            prior=prior,
            calibrated=calibrated,
            windows=windows,
            duration_s=duration_s,
        )


@final
class Detector:
    """The graph of a spoof detector with its calibration, ready to answer on the CPU."""

    def __init__(self, card: Card, *, threads: int | None = None) -> None:
        """Open the graph of `card`; `threads` limits its own, and all usable cores are the default.

        Raises `BundleError` when the bundle is of another task or its graph does not fit.
        """
        if card.task != TASK or card.labels != LABELS:
            raise BundleError(
                f"{card.path}: is a bundle of {card.task} with the labels {', '.join(card.labels)}; "
                f"telling forged speech takes one of the task {TASK}, as sonant spoof train makes"
            )
        if WHOLE not in card.graphs:
            raise BundleError(f"{card.path}: has no graph '{WHOLE}'; train it again")
        self.card: Final = card
        self.calibration: Final = calibration_of(card)
        self._spec: Final = card.graphs[WHOLE]
        self._session: Final = open_graph(card, self._spec.file, threads or usable_cores())
        self._fixed: Final = self._length()

    @classmethod
    def load(cls, bundle: Path | str, *, threads: int | None = None) -> Self:
        """Open a bundle, or the newest version in a name or run folder; every file's hash is checked."""
        return cls(Card.read(find(Path(bundle))), threads=threads)

    @property
    def rate_hz(self) -> int:
        """The rate that samples are brought to."""
        return self.card.audio.rate_hz

    def detect(
        self, source: Source, *, prior: float = 0.5, rate_hz: int | None = None
    ) -> Spoofness:
        """What is to be thought of a clip of any rate and length; `rate_hz` is that of bare samples.

        `prior` is the probability of a forgery before it is heard. The same clip gives the same bits.
        Raises `AudioError` naming the clip where it cannot be read or holds nothing, `ValueError` for no
        probability.
        """
        if not 0.0 < prior < 1.0:
            raise ValueError(f"prior is {prior}, want a number above 0 and under 1")
        score, windows, duration_s = self.heard(source, rate_hz=rate_hz)
        llr = score if self.calibration is None else float(self.calibration.llr(score))
        return Spoofness.of(
            llr,
            prior=prior,
            calibrated=self.calibration is not None,
            windows=windows,
            duration_s=duration_s,
        )

    def heard(self, source: Source, *, rate_hz: int | None = None) -> tuple[float, int, float]:
        """The uncalibrated score of a clip, higher for bona fide; parts it was heard in; its seconds."""
        clip = opened(source, rate_hz=rate_hz or self.rate_hz)
        samples = audio.resample(clip, self.rate_hz).samples
        if not len(samples):
            raise AudioError(f"{named(source)}: holds no sound")
        # In the 16 bits that training reads.
        parts = self._parts(audio.from_pcm16(audio.to_pcm16(samples)))
        runs = [self._scores(parts[at : at + AT_ONCE]) for at in range(0, len(parts), AT_ONCE)]
        return float(np.concatenate(runs).mean()), len(parts), clip.duration_s

    def _parts(self, samples: Samples) -> Samples:
        """[samples] -> [windows, samples]: a long clip in as few windows as cover it, evenly spread."""
        window = self._fixed or self.card.audio.samples
        least = self._fixed or round(SHORTEST_S * self.rate_hz)
        if len(samples) < least:
            return np.resize(samples, least)[None]
        if len(samples) <= window:
            return samples[None]
        count = math.ceil(len(samples) / window)
        starts: NDArray[np.int64] = np.linspace(0, len(samples) - window, count).astype(np.int64)
        return np.stack([samples[start : start + window] for start in starts])

    def _scores(self, parts: Samples) -> NDArray[np.float64]:
        """Log-odds of bona fide for each of [windows, samples]."""
        file = self.card.path / self._spec.file
        try:
            (answer,) = self._session.run([self._spec.output], {self._spec.input: parts})
        except Exception as error:  # onnxruntime's errors share no narrower class
            raise BundleError(f"{file}: failed ({error})") from error
        shares = np.asarray(answer, np.float64)
        if shares.shape != (len(parts), len(LABELS)) or not np.isfinite(shares).all():
            raise BundleError(
                f"{file}: an answer is no pair of probabilities; the bundle is damaged"
            )
        bonafide, spoof = np.maximum(shares, LEAST).T
        return np.asarray(np.log(bonafide) - np.log(spoof))

    def _length(self) -> int | None:
        """The one length that the graph takes; None where it is free."""
        inputs = {end.name: end.shape for end in self._session.get_inputs()}
        outputs = {end.name for end in self._session.get_outputs()}
        if set(inputs) != {self._spec.input} or self._spec.output not in outputs:
            raise BundleError(
                f"{self.card.path / self._spec.file}: has inputs {', '.join(sorted(inputs))} and outputs "
                f"{', '.join(sorted(outputs))}, want {self._spec.input} and {self._spec.output}"
            )
        length = inputs[self._spec.input][-1]
        return length if isinstance(length, int) else None


def calibration_of(card: Card) -> Calibration | None:
    """What the card says of the meaning of scores; None where nobody compared them with the truth.

    Raises `BundleError` naming the key that is unknown, missing or out of its range.
    """
    point = card.operating_point or {}
    if KEY not in point:
        return None
    tree = JsonTree(file=card.path / FILE, where="operating_point.", values=point).table(KEY)
    tree.only("calibration", "chosen_on")
    part = tree.table("calibration")
    return Calibration.from_dict(part.values, file=part.file, where=part.where)


def opened(source: Source, *, rate_hz: int) -> Clip:
    """A clip of any source; raises `AudioError` where it cannot be read or holds no numbers."""
    if isinstance(source, Clip):
        clip = source
    elif isinstance(source, np.ndarray):
        if source.ndim != 1:
            raise AudioError(f"samples {list(source.shape)}: want one channel, [samples]")
        clip = Clip(source.astype(np.float32, copy=False), rate_hz)
    elif isinstance(source, Item):
        found = audio.read(source.path, start_s=source.start_s, end_s=source.end_s)
        clip = Clip(found.samples * np.float32(source.gain), found.rate_hz)
    else:
        clip = audio.read(source)
    if not np.isfinite(clip.samples).all():
        raise AudioError(f"{named(source)}: holds samples that are no numbers")
    return clip


def named(source: Source) -> str:
    """What messages call a clip."""
    if isinstance(source, Item):
        return str(source.path)
    return str(source) if isinstance(source, Path | str) else "the clip"
