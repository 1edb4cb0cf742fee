"""From trials with their truth to a bundle that decides: its scores become likelihood ratios. No torch."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from sonant.card import Card
from sonant.card.revision import revise
from sonant.errors import ManifestError
from sonant.manifest import Item
from sonant.speakers import hearing
from sonant.speakers.deciding import KEY, Deciding
from sonant.speakers.evaluating import quality_of, scores_of
from sonant.speakers.gates import Gate
from sonant.speakers.model import Progress, SpeakerModel
from sonant.speakers.scorers import COSINE, Scorer
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
SCORING: Final = "scoring.npz"
"""The file of a bundle that keeps a scorer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibrated:
    """A calibration, and what was measured of it."""

    calibration: Calibration
    point: OperatingPoint
    gate: Gate
    """What was asked of every clip."""
    scorer: Scorer
    """What gave the scores."""
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
        return Deciding(
            calibration=self.calibration, point=self.point, gate=self.gate, scorer=self.scorer
        )

    def to_dict(self) -> dict[str, Any]:
        """The entry of the card that `Deciding.of` reads."""
        found = self.figures
        by_cosine = self.scorer is COSINE
        return {
            **({} if by_cosine else {"scoring": {"kind": self.scorer.kind, "file": SCORING}}),
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
    scorer: Scorer | None = None,
    rounds: int = ROUNDS,
    seed: int = 0,
    on_progress: Progress | None = None,
) -> Calibrated:
    """Fit a calibration to all trials; `items` are the clips of `trials.clips`, in that order.

    `quality` names measures of `verification.quality.MEASURES` that it shall listen to as well; `scorer`
    takes the place of the bundle's own, and was made of speakers whom no trial is about. What is
    measured is what the same fit does on speakers it was not fitted to: it is fitted to each half of the
    speakers and measured on the other. Clips that the gate refuses are left out with their trials. Raises
    `ManifestError` where trials do not say who speaks, or are too few for it.
    """
    unknown = [name for name in quality if name not in measures.MEASURES]
    if unknown:
        raise ManifestError(f"quality {unknown[0]!r}: want some of {', '.join(measures.MEASURES)}")
    scorer = scorer or model.deciding.scorer
    found = hearing.hear(model, trials.clips, items, on_progress=on_progress)
    heard, left_out = found.heard, tuple(found.left_out.values())
    kept = trials.where(trial.left in heard and trial.right in heard for trial in trials)
    _enough(kept, trials, left_out)
    lists = kept.halves(seed=seed)
    tables = [_Table.of(part, heard, scorer, quality) for part in lists]
    crossed = [
        two.llrs(one.fit(prior=0.5)) for one, two in (tables, reversed(tables))
    ]  # LLRs of the second half, then of the first
    measured = replace(kept, trials=(*lists[1].trials, *lists[0].trials))
    whole = _Table.of(kept, heard, scorer, quality)
    rates = figures.measure(
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
        scorer=scorer,
        figures=rates,
        left_out=left_out,
        dropped=len(trials) - len(kept),
        across=len(kept) - len(measured),
    )


def keep(card: Card, calibrated: Calibrated) -> Path:
    """Write the next version of a bundle, which decides by this calibration; returns its folder.

    The graph stays, and so do the stores made with it. What a scorer was made of goes into a file of the
    bundle. Raises `BundleError` as `revise` does.
    """
    point = {**(card.operating_point or {}), KEY: calibrated.to_dict()}
    arrays = calibrated.scorer.arrays()
    with tempfile.TemporaryDirectory(prefix="sonant-scoring-") as scratch:
        file = Path(scratch) / SCORING
        if arrays:
            np.savez(file, allow_pickle=False, **arrays)
        files = {SCORING: file} if arrays else {}
        return revise(card, files=files, changes={"operating_point": point})


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
    """[trials]"""
    quality: Mapping[str, Floats]
    """Columns [trials] of the measures asked for."""

    @classmethod
    def of(
        cls,
        trials: TrialList,
        heard: Mapping[str, Heard],
        scorer: Scorer,
        quality: Sequence[str],
    ) -> _Table:
        return cls(
            trials=trials,
            scores=scores_of(scorer, trials, heard),
            quality=quality_of(quality, trials, heard),
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
        (
            "LLR",
            f"{calibration.slope:.4g} {calibrated.scorer.kind} {calibration.offset:+.4g}{weights}",
        ),
    ]
