"""How well a detector tells forged speech: error rates over all clips and by condition, with intervals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from sonant.errors import AudioError, ManifestError
from sonant.listing.spoof_labels import BONAFIDE, SPOOF, spoof_label
from sonant.manifest import Item, Manifest
from sonant.spoofing import conditions as known
from sonant.spoofing.conditions import Conditions
from sonant.spoofing.detector import Detector
from sonant.verification import rates, tandem
from sonant.verification.checks import Bools, Floats
from sonant.verification.intervals import Interval, Rate, interval

OF_SCORES: Final[Mapping[str, Rate]] = {"eer": rates.eer, "min_dcf": tandem.cm_min_dcf}
"""What follows from any scores, by name."""
OF_LLRS: Final[Mapping[str, Rate]] = {"act_dcf": tandem.cm_act_dcf, "cllr": rates.cllr}
"""What follows from calibrated scores alone."""
ROUNDS: Final = 1000

Progress = Callable[[int, int], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """A clip, the truth, and what a detector says."""

    item: Item
    bonafide: bool
    score: float
    """As the graph has it, higher for bona fide."""
    llr: float
    """The same calibrated, where it can be."""
    conditions: Mapping[str, str]

    @property
    def speaker(self) -> str:
        """Whose clips are redrawn together; a clip of nobody known stands alone."""
        return self.item.speaker or f"clip {self.item.path}|{self.item.start_s}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Clips that are judged together."""

    column: str
    """What they have in common; empty for all clips."""
    value: str
    bonafide: int
    spoofs: int
    rates: Mapping[str, Interval]
    """By the names of `OF_SCORES` and, where the detector is calibrated, `OF_LLRS`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoofReport:
    """What was found of a detector on some clips."""

    bundle: str
    data: str
    split: str
    calibrated: bool
    whole: Part
    parts: tuple[Part, ...]
    """By condition: forgeries of one kind, against bona fide clips of the same where there are some; and bona
    fide clips of a kind that no forgery is of, as copies and rooms may be, against all forgeries."""
    clips: tuple[Scored, ...]
    left_out: tuple[str, ...]
    """Why clips could not be heard, a message each."""

    def to_json(self) -> dict[str, Any]:
        """Figures and scores as plain tables."""
        return {
            "bundle": self.bundle,
            "data": self.data,
            "split": self.split,
            "calibrated": self.calibrated,
            "whole": asdict(self.whole),
            "parts": [asdict(part) for part in self.parts],
            "clips": [
                {
                    "path": str(clip.item.path),
                    "label": clip.item.label,
                    "score": clip.score,
                    "llr_bonafide": clip.llr,
                    **clip.conditions,
                }
                for clip in self.clips
            ],
            "left_out": list(self.left_out),
        }


def hear(
    detector: Detector,
    manifest: Manifest,
    *,
    conditions: Conditions | None = None,
    on_progress: Progress | None = None,
) -> tuple[tuple[Scored, ...], tuple[str, ...]]:
    """Every clip of a manifest with its score, and a message for each that cannot be read.

    `conditions` are those of `conditions.read`. Raises `ManifestError` for a label that says neither bona
    fide nor spoof.
    """
    calibration = detector.calibration
    truths = [spoof_label(item.label, where=str(item.path)) for item in manifest]
    found, left_out = [], []
    for number, (item, truth) in enumerate(zip(manifest, truths, strict=True), start=1):
        try:
            score, _, _ = detector.heard(item)
        except AudioError as error:
            left_out.append(str(error))
        else:
            found.append(
                Scored(
                    item=item,
                    bonafide=truth == BONAFIDE,
                    score=score,
                    llr=score if calibration is None else float(calibration.llr(score)),
                    conditions=known.of(item, conditions or {}),
                )
            )
        if on_progress:
            on_progress(number, len(manifest))
    return tuple(found), tuple(left_out)


def score(
    detector: Detector,
    manifest: Manifest,
    *,
    split: str = "",
    conditions: Conditions | None = None,
    rounds: int = ROUNDS,
    on_progress: Progress | None = None,
) -> SpoofReport:
    """Judge a detector on a manifest: EER, minDCF, actDCF and Cllr over all clips and by condition.

    `split` says what the clips are of. Intervals redraw speakers. Raises `ManifestError` where one kind of
    clip is missing, or as `hear` does.
    """
    clips, left_out = hear(detector, manifest, conditions=conditions, on_progress=on_progress)
    for kind, name in ((True, BONAFIDE), (False, SPOOF)):
        if not any(clip.bonafide is kind for clip in clips):
            raise ManifestError(
                f"{manifest.name}: no clip that can be read is {name}: no rate follows from one kind alone"
            )
    card, calibrated = detector.card, detector.calibration is not None
    return SpoofReport(
        bundle=f"{card.name}/{card.version}",
        data=manifest.name,
        split=split,
        calibrated=calibrated,
        whole=_part("", "", clips, calibrated=calibrated, rounds=rounds),
        parts=tuple(_parts(clips, calibrated=calibrated, rounds=rounds)),
        clips=clips,
        left_out=left_out,
    )


def _parts(clips: Sequence[Scored], *, calibrated: bool, rounds: int) -> Iterable[Part]:
    """Each value of each condition that some clip has."""
    genuine = [clip for clip in clips if clip.bonafide]
    forged = [clip for clip in clips if not clip.bonafide]
    columns = dict.fromkeys(name for clip in (*forged, *genuine) for name in clip.conditions)
    for column in columns:
        for value in sorted({clip.conditions.get(column, "") for clip in clips} - {""}):
            alike = [clip for clip in genuine if clip.conditions.get(column) == value]
            these = [clip for clip in forged if clip.conditions.get(column) == value]
            chosen = [*(alike or genuine), *(these or forged)]
            yield _part(column, value, chosen, calibrated=calibrated, rounds=rounds)


def _part(
    column: str, value: str, clips: Sequence[Scored], *, calibrated: bool, rounds: int
) -> Part:
    truth: Bools = np.array([clip.bonafide for clip in clips], np.bool_)
    scores: Floats = np.array([clip.score for clip in clips], np.float64)
    llrs: Floats = np.array([clip.llr for clip in clips], np.float64)
    asked = [(name, rate, scores) for name, rate in OF_SCORES.items()]
    if calibrated:
        asked += [(name, rate, llrs) for name, rate in OF_LLRS.items()]
    whose = [clip.speaker for clip in clips]
    return Part(
        column=column,
        value=value,
        bonafide=int(truth.sum()),
        spoofs=int((~truth).sum()),
        rates={
            name: interval(rate, values, truth, speakers=(whose, whose), rounds=rounds)
            for name, rate, values in asked
        },
    )
