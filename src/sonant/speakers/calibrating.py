"""From trials with their truth to a bundle that decides: its scores become likelihood ratios. No torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sonant.card import Card
from sonant.card.revision import revise
from sonant.errors import AudioError, ManifestError
from sonant.manifest import Item
from sonant.speakers.deciding import KEY, Deciding
from sonant.speakers.gates import Gate
from sonant.speakers.model import Progress, SpeakerModel
from sonant.speakers.verdict import Heard, OperatingPoint
from sonant.verification import figures
from sonant.verification import quality as measures
from sonant.verification.calibration import Calibration
from sonant.verification.checks import Floats
from sonant.verification.figures import Figures
from sonant.verification.trials import TrialList

FEWEST: Final = 4
"""Speakers from which on two halves can hold two each."""
ROUNDS: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibrated:
    """A calibration, and what was measured of it."""

    calibration: Calibration
    point: OperatingPoint
    gate: Gate
    """What was asked of every clip."""
    figures: Figures
    """Of LLRs that a calibration gave trials whose speakers it had not seen: half of the speakers each."""
    left_out: tuple[str, ...]
    """Why clips were left out, one line a clip."""
    dropped: int
    """Trials that fell with them."""
    across: int
    """Trials between the halves: fitted to, not measured on."""

    @property
    def deciding(self) -> Deciding:
        """What a model decides by."""
        return Deciding(calibration=self.calibration, point=self.point, gate=self.gate)

    def to_dict(self) -> dict[str, Any]:
        """The entry of the card that `Deciding.of` reads."""
        found = self.figures
        return {
            "calibration": self.calibration.to_dict(),
            "operating_point": asdict(self.point),
            "gate": asdict(self.gate),
            "figures": {name: asdict(rate) for name, rate in found.rates.items()},
            "chosen_on": {
                "trials": self.calibration.trials,
                "measured_same": found.same,
                "measured_different": found.different,
                "speakers": found.speakers,
                "sessions": asdict(found.sessions),
                "clips_left_out": len(self.left_out),
                "trials_left_out": self.dropped,
            },
        }


def calibrate(
    model: SpeakerModel,
    trials: TrialList,
    items: Sequence[Item],
    *,
    point: OperatingPoint | None = None,
    quality: Sequence[str] = (),
    rounds: int = ROUNDS,
    seed: int = 0,
    on_progress: Progress | None = None,
) -> Calibrated:
    """Fit a calibration to all trials; `items` are the clips of `trials.clips`, in that order.

    `quality` names measures of `verification.quality.MEASURES` that it shall listen to as well. What is
    measured is what the same fit does on speakers it was not fitted to: it is fitted to each half of the
    speakers and measured on the other. Clips that the gate refuses are left out with their trials. Raises
    `ManifestError` where trials do not say who speaks, or are too few for it.
    """
    unknown = [name for name in quality if name not in measures.MEASURES]
    if unknown:
        raise ManifestError(f"quality {unknown[0]!r}: want some of {', '.join(measures.MEASURES)}")
    heard, left_out = _hear(model, trials, items, on_progress)
    kept = trials.where(trial.left in heard and trial.right in heard for trial in trials)
    _enough(kept, trials, left_out)
    lists = kept.halves(seed=seed)
    tables = [_Table.of(part, heard, quality) for part in lists]
    crossed = [
        two.llrs(one.fit(prior=0.5)) for one, two in (tables, reversed(tables))
    ]  # LLRs of the second half, then of the first
    measured = replace(kept, trials=(*lists[1].trials, *lists[0].trials))
    whole = _Table.of(kept, heard, quality)
    found = figures.measure(
        np.concatenate([tables[1].scores, tables[0].scores]),
        measured,
        llrs=np.concatenate(crossed),
        rounds=rounds,
        seed=seed,
    )
    return Calibrated(
        calibration=whole.fit(prior=0.5),
        point=point or model.deciding.point,
        gate=model.deciding.gate,
        figures=found,
        left_out=tuple(left_out),
        dropped=len(trials) - len(kept),
        across=len(kept) - len(measured),
    )


def keep(card: Card, calibrated: Calibrated) -> Path:
    """Write the next version of a bundle, which decides by this calibration; returns its folder.

    The graph stays, and so do the stores made with it. Raises `BundleError` as `revise` does.
    """
    point = {**(card.operating_point or {}), KEY: calibrated.to_dict()}
    return revise(card, files={}, changes={"operating_point": point})


def located(trials: TrialList, folder: Path) -> tuple[Item, ...]:
    """The clip of each name in `trials.clips`, below a folder; for lists that came without a manifest.

    Raises `ManifestError` for a segment that is written otherwise than `#t=START,END`.
    """
    return tuple(_item(name, folder) for name in trials.clips)


def named(trials: TrialList, items: Sequence[Item]) -> TrialList:
    """The same trials with the speakers that `items`, the clips of `trials.clips`, know of.

    Raises `ManifestError` where both say who speaks and do not agree with the trial's truth.
    """
    known = {name: item.speaker for name, item in zip(trials.clips, items, strict=True)}
    found = tuple(
        replace(
            trial,
            left_speaker=trial.left_speaker or known[trial.left],
            right_speaker=trial.right_speaker or known[trial.right],
        )
        for trial in trials
    )
    for trial in found:
        both = trial.left_speaker and trial.right_speaker
        if both and trial.same != (trial.left_speaker == trial.right_speaker):
            said = "the same" if trial.same else "different"
            raise ManifestError(
                f"{trials.name}: {trial.left} and {trial.right} are said to be of {said} speakers, but "
                f"theirs are {trial.left_speaker!r} and {trial.right_speaker!r}; mend one of the two"
            )
    return replace(trials, trials=found)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    """Trials as numbers."""

    trials: TrialList
    scores: Floats
    """Cosines, [trials]."""
    quality: Mapping[str, Floats]
    """Columns [trials] of the measures asked for."""

    @classmethod
    def of(cls, trials: TrialList, heard: Mapping[str, Heard], quality: Sequence[str]) -> _Table:
        def side(names: Sequence[str]) -> tuple[NDArray[np.float64], dict[str, list[float]]]:
            clips = [heard[name] for name in names]
            vectors = np.stack([clip.embedding.vector for clip in clips]).astype(np.float64)
            every = [clip.measures() for clip in clips]
            lacking = [name for name in quality if name not in every[0]]
            if lacking:
                raise ManifestError(f"quality {lacking[0]!r}: this bundle's graph does not give it")
            return vectors, {name: [one[name] for one in every] for name in quality}

        left, left_quality = side([trial.left for trial in trials])
        right, right_quality = side([trial.right for trial in trials])
        return cls(
            trials=trials,
            scores=np.asarray((left * right).sum(axis=1)),
            quality=measures.of_pairs(left_quality, right_quality),
        )

    def fit(self, *, prior: float) -> Calibration:
        return Calibration.fit(
            self.scores,
            self.trials.same,
            quality=self.quality,
            prior=prior,
            trials=self.trials.digest,
        )

    def llrs(self, calibration: Calibration) -> Floats:
        return calibration.llr(self.scores, self.quality)


def _hear(
    model: SpeakerModel, trials: TrialList, items: Sequence[Item], on_progress: Progress | None
) -> tuple[dict[str, Heard], list[str]]:
    """Each clip once, by its name in the trials; those left out as messages."""
    heard: dict[str, Heard] = {}
    left_out = []
    for number, (name, item) in enumerate(zip(trials.clips, items, strict=True), start=1):
        try:
            one = model.hear(item)
        except AudioError as error:
            left_out.append(str(error))
        else:
            if objection := model.objection(one):
                left_out.append(f"{name}: {objection}")
            else:
                heard[name] = one
        if on_progress:
            on_progress(number, len(items))
    return heard, left_out


def _enough(kept: TrialList, trials: TrialList, left_out: Sequence[str]) -> None:
    nameless = next((t for t in kept if not (t.left_speaker and t.right_speaker)), None)
    if nameless is not None:
        raise ManifestError(
            f"{trials.name}: the trial of {nameless.left} and {nameless.right} does not say who speaks, "
            "so it cannot be kept apart from what is measured; fill the columns left_speaker and "
            "right_speaker, or give --data that names the speakers"
        )
    if len(kept.speakers) < FEWEST:
        refused = f", {len(left_out)} clips left out, as {left_out[0]}" if left_out else ""
        raise ManifestError(
            f"{trials.name}: {len(kept)} trials of {len(kept.speakers)} speakers{refused}; fitting to one "
            f"half of the speakers and measuring on the other takes {FEWEST} or more"
        )


def _item(name: str, folder: Path) -> Item:
    path, _, segment = name.partition("#t=")
    if not segment:
        return Item(path=folder / path)
    start, _, end = segment.partition(",")
    try:
        return Item(
            path=folder / path,
            start_s=float(start) if start else None,
            end_s=float(end) if end else None,
        )
    except ValueError:
        raise ManifestError(f"{name}: a segment is written #t=START,END in seconds") from None


def summary(calibrated: Calibrated) -> list[tuple[str, str]]:
    """Rows of what was found, for a table: the figure, and its value with its interval."""
    found, calibration = calibrated.figures, calibrated.calibration
    rows = [
        (
            f"{name}{' %' if name == 'eer' else ''}",
            "{:.{p}f} ({:.{p}f} to {:.{p}f})".format(
                *(
                    value * (100 if name == "eer" else 1)
                    for value in (rate.value, rate.low, rate.high)
                ),
                p=2 if name == "eer" else 3,
            ),
        )
        for name, rate in found.rates.items()
    ]
    weights = "".join(f" {value:+.4g} {name}" for name, value in calibration.quality.items())
    return [
        ("fitted to", f"{calibration.same} trials of one speaker, {calibration.different} of two"),
        ("measured on", f"{found.same} and {found.different}, of {found.speakers} speakers"),
        *rows,
        ("LLR", f"{calibration.slope:.4g} cosine {calibration.offset:+.4g}{weights}"),
    ]
