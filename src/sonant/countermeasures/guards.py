"""Detectors before a verdict: what each says of a clip, and from when on it objects. No torch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, Self, TypeAlias

from sonant.card import Card
from sonant.errors import BundleError
from sonant.spoofing.detector import Detector, Source
from sonant.verification.calibration import Calibration

Kind: TypeAlias = Literal["spoof", "adversarial"]
KINDS: Final[tuple[Kind, ...]] = ("spoof", "adversarial")
"""The order in which detectors are asked, and give their reasons."""
HEARD: Final[Mapping[tuple[Kind, bool], str]] = {
    ("spoof", True): "a forgery",
    ("spoof", False): "no forgery",
    ("adversarial", True): "an attack",
    ("adversarial", False): "no attack",
}
"""What a detector that objects hears, and one that does not, for sentences."""
UNCALIBRATED: Final = (
    "it is uncalibrated, so it accuses nobody; sonant spoof calibrate learns what its scores mean"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmPoint:
    """What a detector is to expect, and how sure it has to be."""

    prior: float = 0.5
    """P(forged), before anything is heard."""
    threshold: float = 0.5
    """P(forged) from which on a clip counts as forged: a false alarm's part in the costs of both mistakes."""

    def __post_init__(self) -> None:
        if not (0.0 < self.prior < 1.0 and 0.0 < self.threshold < 1.0):
            raise ValueError(f"{self}: want a prior and a threshold between 0 and 1")

    @property
    def llr(self) -> float:
        """The LLR of bona fide speech at which P(forged) is the threshold: what lies no higher is forged."""
        return _log_odds(self.prior) - _log_odds(self.threshold)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one detector says of one clip."""

    kind: Kind
    bundle: str
    """Name and version."""
    llr: float
    """In nats, above 0 for bona fide speech, below for what the detector listens for."""
    calibrated: bool
    """Whether the LLR was held against truth; a detector without that accuses nobody."""
    point: AlarmPoint

    @property
    def probability(self) -> float:
        """P(forged), or P(attacked), at the prior of the point."""
        return float(Calibration.probability(-self.llr, self.point.prior))

    @property
    def objects(self) -> bool:
        """Whether forged is likelier than the point lets pass."""
        return self.llr <= self.point.llr

    def reason(self, *, counted: bool = True) -> str:
        """One sentence; `counted` is false where the clip is not fit to be judged."""
        said = (
            f"the {self.kind} detector {self.bundle} hears {HEARD[self.kind, self.objects]}: its LLR "
            f"{self.llr:.2f} is {'at most' if self.objects else 'above'} {self.point.llr:.2f}, the threshold "
            f"at prior {self.point.prior:g} and probability {self.point.threshold:g}"
        )
        if not self.calibrated:
            said += f"; {UNCALIBRATED}"
        return said if counted else f"{said}; not counted, as the clip is not fit to be judged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """A detector at its operating point."""

    kind: Kind
    detector: Detector
    point: AlarmPoint = field(default_factory=AlarmPoint)

    @property
    def bundle(self) -> str:
        """Name and version."""
        return f"{self.detector.card.name}/{self.detector.card.version}"

    def hear(self, source: Source) -> Finding:
        """What the detector says of a clip; raises `AudioError` as `Detector.detect` does."""
        return self.finding(self.detector.detect(source).llr_bonafide)

    def finding(self, llr: float) -> Finding:
        """The same, of an LLR that was found before."""
        return Finding(
            kind=self.kind,
            bundle=self.bundle,
            llr=llr,
            calibrated=self.detector.calibration is not None,
            point=self.point,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Guards:
    """Those of the two detectors that there are, in the order of `KINDS`."""

    all: tuple[Guard, ...] = ()

    @classmethod
    def load(
        cls,
        *,
        spoof: Path | str | None = None,
        adversarial: Path | str | None = None,
        points: Mapping[Kind, AlarmPoint] | None = None,
        threads: int | None = None,
    ) -> Self:
        """Open the bundles that are named; `points` are at even odds where they are not given.

        Raises `BundleError` naming a bundle that is none, is of another task, or has its labels swapped.
        """
        named: tuple[tuple[Kind, Path | str | None], ...] = (
            ("spoof", spoof),
            ("adversarial", adversarial),
        )
        return cls(
            all=tuple(
                Guard(
                    kind=kind,
                    detector=Detector.load(bundle, threads=threads),
                    point=(points or {}).get(kind, AlarmPoint()),
                )
                for kind, bundle in named
                if bundle is not None
            )
        )

    @property
    def uncalibrated(self) -> Path | None:
        """The bundle of the first detector that accuses nobody yet; None where all may, or there is none."""
        bundles = (one.detector.card.path for one in self.all if one.detector.calibration is None)
        return next(bundles, None)

    def fit(self, card: Card) -> None:
        """Raise `BundleError` where a detector does not hear what the speaker model of `card` hears."""
        for guard in self.all:
            heard, wanted = guard.detector.rate_hz, card.audio.rate_hz
            if heard != wanted:
                raise BundleError(
                    f"{guard.detector.card.path}: the {guard.kind} detector hears {heard} Hz, the speaker "
                    f"model {card.path} {wanted} Hz: what one of them hears the other may not; use a "
                    f"detector of {wanted} Hz"
                )

    def hear(self, source: Source) -> tuple[Finding, ...]:
        """What each says of a clip; raises `AudioError` as `Detector.detect` does."""
        return tuple(guard.hear(source) for guard in self.all)


def _log_odds(probability: float) -> float:
    return math.log(probability / (1.0 - probability))
