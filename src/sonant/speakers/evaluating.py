"""How well a speaker bundle tells voices apart: trials in, every figure with its interval out. No torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from sonant.errors import ManifestError
from sonant.manifest import Item
from sonant.speakers import hearing
from sonant.speakers.hearing import Hearing
from sonant.speakers.model import Progress, SpeakerModel
from sonant.speakers.scorers import Scorer
from sonant.speakers.slices import Slice, Slicer
from sonant.speakers.verdict import Heard, OperatingPoint
from sonant.verification import figures
from sonant.verification import quality as measures
from sonant.verification.checks import Floats
from sonant.verification.figures import Figures
from sonant.verification.trials import TrialList

ROUNDS: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What was decided of trials of one kind."""

    accepted: int
    rejected: int
    undecided: int
    """A side had not enough speech, or could not be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decisions:
    """Every trial as the bundle answers it at its operating point."""

    point: OperatingPoint
    same: Answers
    different: Answers
    seen: bool
    """Whether these are the very trials that the calibration was fitted to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """How well a speaker bundle tells voices apart."""

    bundle: str
    """Name and version."""
    data: str
    """What the trials are of."""
    scoring: str
    """`cosine`, `as-norm` or `plda`."""
    trials: TrialList
    """Those that figures are of: both sides have enough speech."""
    scores: Floats
    """[trials]"""
    llrs: Floats | None
    """[trials], in nats; None when uncalibrated."""
    figures: Figures
    slices: Mapping[str, tuple[Slice, ...]]
    """Parts of the trials, by what parts them."""
    decisions: Decisions | None
    """None when uncalibrated."""
    asked: int
    """Trials there were."""
    digest: str
    """Of all of these."""
    clips: int
    left_out: tuple[str, ...]
    """Why clips were left out, one line a clip."""
    unreadable: int
    """How many of them cannot be read."""
    parameters: int
    macs_per_second: float
    bundle_bytes: int

    def to_json(self) -> dict[str, Any]:
        """Everything but the trials and their scores, as JSON takes it."""
        return {
            "bundle": self.bundle,
            "data": self.data,
            "scoring": self.scoring,
            "figures": {name: asdict(rate) for name, rate in self.figures.rates.items()},
            "trials": {
                "asked": self.asked,
                "same": self.figures.same,
                "different": self.figures.different,
                "speakers": self.figures.speakers,
                "clips": self.clips,
                "sessions": asdict(self.figures.sessions),
                "origin": self.trials.origin,
                "sha256": self.digest,
            },
            "slices": {name: [asdict(one) for one in rows] for name, rows in self.slices.items()},
            "decisions": asdict(self.decisions) if self.decisions else None,
            "left_out": list(self.left_out),
            "unreadable": self.unreadable,
            "parameters": self.parameters,
            "macs_per_second": self.macs_per_second,
            "bundle_bytes": self.bundle_bytes,
        }


def evaluate(
    model: SpeakerModel,
    trials: TrialList,
    items: Sequence[Item],
    *,
    scorer: Scorer | None = None,
    genders: Mapping[str, str] | None = None,
    rounds: int = ROUNDS,
    seed: int = 0,
    workers: int | None = None,
    on_progress: Progress | None = None,
) -> Evaluation:
    """Answer trials; `items` are the clips of `trials.clips`, in that order, each heard once.

    `scorer` takes the place of the bundle's own, which leaves its calibration behind: LLRs and decisions are
    those of the scorer it was fitted with. `genders` are those of speakers, where known. The model is
    opened with one thread, and clips are heard on `workers`. Raises `ManifestError` where too few trials are
    left for a rate, or they do not say who speaks.
    """
    heard = hearing.hear(model, trials.clips, items, workers=workers, on_progress=on_progress)
    kept = trials.where(t.left in heard.heard and t.right in heard.heard for t in trials)
    if not len(kept):
        lost = tuple(heard.left_out.values())
        reason = f", as {lost[0]}" if lost else ""
        raise ManifestError(f"{trials.name}: none of {len(trials)} trials can be asked{reason}")
    own = model.deciding.scorer
    scores = scores_of(scorer or own, kept, heard.heard)
    llrs = _llrs(model, kept, heard.heard, scores) if scorer in (None, own) else None
    slicer = Slicer(trials=kept, scores=scores, rounds=rounds, seed=seed)
    card = model.card
    return Evaluation(
        bundle=f"{card.name}/{card.version}",
        data=trials.name,
        scoring=(scorer or own).kind,
        trials=kept,
        scores=scores,
        llrs=llrs,
        figures=figures.measure(scores, kept, llrs=llrs, rounds=rounds, seed=seed),
        slices=_slices(slicer, heard, genders or {}),
        decisions=None if llrs is None else _decisions(model, trials, kept, llrs),
        asked=len(trials),
        digest=trials.digest,
        clips=len(items),
        left_out=tuple(heard.left_out.values()),
        unreadable=heard.unreadable,
        parameters=card.model.parameters,
        macs_per_second=card.model.macs_per_second,
        bundle_bytes=card.bytes,
    )


def scores_of(scorer: Scorer, trials: TrialList, heard: Mapping[str, Heard]) -> Floats:
    """Scores of trials, [trials]; `heard` has all of their clips."""
    vectors = np.stack([heard[name].embedding.vector for name in trials.clips]).astype(np.float64)
    left, right = trials.numbers.T
    return scorer.scores(vectors[left], vectors[right])


def quality_of(
    names: Sequence[str], trials: TrialList, heard: Mapping[str, Heard]
) -> dict[str, Floats]:
    """Columns [trials] of the measures that are named; raises `ManifestError` for one that is not taken."""
    taken = {name: one.measures() for name, one in heard.items()}
    lacking = [name for name in names if any(name not in one for one in taken.values())]
    if lacking:
        raise ManifestError(f"quality {lacking[0]!r}: this bundle's graph does not give it")
    left = {name: [taken[t.left][name] for t in trials] for name in names}
    right = {name: [taken[t.right][name] for t in trials] for name in names}
    return measures.of_pairs(left, right)


def _llrs(
    model: SpeakerModel, trials: TrialList, heard: Mapping[str, Heard], scores: Floats
) -> Floats | None:
    calibration = model.deciding.calibration
    if calibration is None:
        return None
    return calibration.llr(scores, quality_of(tuple(calibration.quality), trials, heard))


def _slices(
    slicer: Slicer, heard: Hearing, genders: Mapping[str, str]
) -> dict[str, tuple[Slice, ...]]:
    seconds = {name: one.quality.speech_s for name, one in heard.heard.items()}
    found = {
        "speech": slicer.by_speech(seconds),
        "session": slicer.by_session(),
        "gender": slicer.by_gender(genders),
    }
    return {name: rows for name, rows in found.items() if rows}


def _decisions(model: SpeakerModel, trials: TrialList, kept: TrialList, llrs: Floats) -> Decisions:
    point, calibration = model.deciding.point, model.deciding.calibration
    accepted = llrs >= point.llr
    same = kept.same

    def answers(kind: bool) -> Answers:
        mine = accepted[same == kind]
        total = int((trials.same == kind).sum())
        return Answers(
            accepted=int(mine.sum()),
            rejected=int((~mine).sum()),
            undecided=total - len(mine),
        )

    return Decisions(
        point=point,
        same=answers(True),
        different=answers(False),
        seen=calibration is not None and calibration.trials in (trials.digest, kept.digest),
    )
