"""Several speaker models on the same trials: how much each should count, what fusing brings. No torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from sonant.errors import BundleError, ManifestError
from sonant.speakers.evaluating import quality_of, scores_of
from sonant.speakers.model import SpeakerModel
from sonant.speakers.scorers import COSINE
from sonant.speakers.verdict import Heard
from sonant.verification import figures, intervals, rates
from sonant.verification.calibration import Calibration
from sonant.verification.checks import Bools, Floats
from sonant.verification.figures import Figures
from sonant.verification.fusion import Concatenation, LogisticFusion, MeanScore
from sonant.verification.intervals import Interval
from sonant.verification.trials import TrialList

MEAN: Final = "mean of normalised scores"
EQUAL: Final = "concatenation, equal weights"
LEARNED: Final = "concatenation, learned weights"
GIVEN: Final = "concatenation, weights as given"
LOGISTIC: Final = "logistic fusion of LLRs with quality"
QUALITY: Final = ("speech_s", "snr_db")
"""Measures that are the same whatever the model; each one's `norm` stands beside them."""

Models = Mapping[str, SpeakerModel]
"""By their names, in the order they were given."""
Weights = Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One system on the trials."""

    name: str
    figures: Figures
    """Cllr is of LLRs fitted to other speakers, and so is whatever else a system learns from trials."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Every system on the same trials."""

    rows: tuple[Row, ...]
    """The parts first."""
    best: str
    """The part with the lowest EER."""
    gain: Interval
    """EER of the fusion with learned weights minus that of this part; below 0 where it helps."""
    trials: TrialList
    """Those measured on."""
    curves: Mapping[str, tuple[Floats, Bools]]
    """Scores and truth of each system, [trials]."""

    def to_json(self) -> dict[str, Any]:
        """Rates of each system, as JSON takes it."""
        return {
            "systems": {
                row.name: {name: asdict(rate) for name, rate in row.figures.rates.items()}
                for row in self.rows
            },
            "best_part": self.best,
            "eer_minus_best_part": asdict(self.gain),
            "trials": self.trials.digest,
        }


def opened(bundles: Sequence[Path]) -> dict[str, SpeakerModel]:
    """Open bundles that can be fused, by their names.

    Raises `BundleError` where there are fewer than two, one is of another task or rate, or is there twice.
    """
    if len(bundles) < 2:
        raise BundleError("fusing takes two speaker bundles or more; name another one")
    found: dict[str, SpeakerModel] = {}
    for path in bundles:
        model = SpeakerModel.load(path, threads=1)
        card = model.card
        name = f"{card.name}/{card.version}"
        for other in found.values():
            _fits(model, other)
        # Two runs of one recipe have one name.
        found[name if name not in found else f"{name} ({len(found) + 1})"] = model
    return found


def _fits(model: SpeakerModel, other: SpeakerModel) -> None:
    here, there = model.card, other.card
    if model.digest == other.digest:
        raise BundleError(
            f"{here.path}: is the same model as {there.path}; a fusion takes different ones"
        )
    if here.audio.rate_hz != there.audio.rate_hz:
        raise BundleError(
            f"{here.path}: hears at {here.audio.rate_hz} Hz, {there.path} at {there.audio.rate_hz} Hz; "
            "both have to be trained with one data.rate_hz"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """What each model says of the same trials."""

    trials: TrialList
    cosines: Mapping[str, Floats]
    """By model, [trials] each."""
    quality: Mapping[str, Floats]
    """Columns [trials] of measures."""

    @classmethod
    def of(cls, trials: TrialList, heard: Mapping[str, Mapping[str, Heard]]) -> Table:
        """`heard` are the clips of the trials as each model heard them."""
        quality = quality_of(QUALITY, trials, next(iter(heard.values())))
        for name, clips in heard.items():
            if all(one.embedding.norm is not None for one in clips.values()):
                quality[f"norm of {name}"] = quality_of(("norm",), trials, clips)["norm"]
        cosines = {name: scores_of(COSINE, trials, clips) for name, clips in heard.items()}
        return cls(trials=trials, cosines=cosines, quality=quality)

    def mean(self, weights: Weights) -> Floats:
        """The cosine of a concatenation with these weights, [trials]."""
        return np.asarray(sum(weights[name] * column for name, column in self.cosines.items()))


def learned(table: Table) -> dict[str, float]:
    """Weights by logistic regression on all trials.

    Raises `ManifestError` where a model would weigh nothing, since then it adds nothing.
    """
    weights = dict(Concatenation.fit(table.cosines, table.trials.same).weights)
    useless = [name for name, weight in weights.items() if weight <= 0]
    if useless:
        raise ManifestError(
            f"fusion: on {len(table.trials)} trials {useless[0]} adds nothing to the rest; leave it out, or "
            "say how much it shall count with --weights"
        )
    return weights


def compare(
    heard: Mapping[str, Mapping[str, Heard]],
    trials: TrialList,
    *,
    given: Weights | None = None,
    rounds: int = 1000,
    seed: int = 0,
) -> Comparison:
    """Measure every part and every way to fuse on trials.

    Whatever is learned is learned on one half of the speakers and measured on the other, both ways round.
    `given` are weights beside the equal and the learned ones. Raises `ManifestError` where a half of the
    speakers has no trials of a kind.
    """
    halves = [Table.of(half, heard) for half in trials.halves(seed=seed)]
    measured = replace(trials, trials=(*halves[1].trials.trials, *halves[0].trials.trials))
    pieces = [_answers(one, two, given) for one, two in (halves, halves[::-1])]
    rows, curves = [], {}
    for name in pieces[0]:
        scores, llrs = (np.concatenate([piece[name][n] for piece in pieces]) for n in (0, 1))
        found = figures.measure(scores, measured, llrs=llrs, rounds=rounds, seed=seed)
        rows.append(Row(name=name, figures=found))
        curves[name] = (scores, measured.same)
    parts = [row for row in rows if row.name in heard]
    best = min(parts, key=lambda row: row.figures.rates["eer"].value).name
    sides = ([t.left_speaker for t in measured], [t.right_speaker for t in measured])
    gain = intervals.difference(
        rates.eer,
        curves[LEARNED][0],
        curves[best][0],
        measured.same,
        speakers=sides,
        rounds=rounds,
        seed=seed,
    )
    return Comparison(rows=tuple(rows), best=best, gain=gain, trials=measured, curves=curves)


def _answers(fitted: Table, held: Table, given: Weights | None) -> dict[str, tuple[Floats, Floats]]:
    """Scores and LLRs of each system on `held`, whatever it learned learned on `fitted`."""
    same = fitted.trials.same
    equal = Concatenation.equal(list(fitted.cosines)).weights
    best = Concatenation.fit(fitted.cosines, same).weights
    mean = MeanScore.fit(fitted.cosines, same)
    fixed: dict[str, Callable[[Table], Floats]] = {
        **{name: _cosine(name) for name in fitted.cosines},
        EQUAL: lambda table: table.mean(equal),
    }
    if given is not None:
        fixed[GIVEN] = lambda table: table.mean(given)
    fits: dict[str, Callable[[Table], Floats]] = {
        MEAN: lambda table: mean.fuse(table.cosines),
        LEARNED: lambda table: table.mean(best),
    }
    found = {}
    for name, ask in {**fixed, **fits}.items():
        llrs = Calibration.fit(ask(fitted), same).llr(ask(held))
        # What two halves learned has two scales, and only as LLRs one.
        found[name] = (ask(held) if name in fixed else llrs, llrs)
    llrs = _logistic(fitted, held)
    return {**found, LOGISTIC: (llrs, llrs)}


def _cosine(name: str) -> Callable[[Table], Floats]:
    return lambda table: table.cosines[name]


def _logistic(fitted: Table, held: Table) -> Floats:
    """LLRs of the parts, each calibrated, and of quality, as one."""
    same = fitted.trials.same
    fits = {name: Calibration.fit(column, same) for name, column in fitted.cosines.items()}
    llrs = [
        {name: fits[name].llr(column) for name, column in table.cosines.items()}
        for table in (fitted, held)
    ]
    fusion = LogisticFusion.fit(llrs[0], same, quality=fitted.quality)
    return fusion.llr(llrs[1], held.quality)
