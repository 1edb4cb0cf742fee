"""What an evaluation found: one row for each clip, and the figures that follow from the rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sonant import metrics
from sonant.errors import ManifestError

CONFIDENCE = 0.95
"""Of every interval in a report."""
FEWEST_SPEAKERS = 5
"""With fewer, redrawing speakers says nothing of speakers not heard."""
TOP_CONFUSIONS = 15
"""How many pairs of labels a report names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """One clip and what the model answered."""

    path: str
    """The file."""
    label: str
    """What was said."""
    predicted: str
    """What was heard; empty when the clip could not be read."""
    probability: float
    """Of the answer, in [0, 1]."""
    probabilities: NDArray[np.float32] = field(compare=False)
    """[labels], in the order of the report's labels; empty when the clip could not be read."""
    speaker: str = ""
    """Who says it; empty when unknown."""
    start_s: float | None = None
    """Seconds from the start of the file; None is the beginning."""
    end_s: float | None = None
    """Seconds from the start of the file; None is the end."""
    gain: float = 1.0
    """Linear factor on the samples, as the model heard them."""
    error: str = ""
    """Why the clip could not be read; empty when it could."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassScore:
    """The figures of one label; 0/0 is 0.0."""

    label: str
    precision: float
    """Of the clips answered with it, the share that has it."""
    recall: float
    """Of the clips that have it, the share answered with it."""
    f1: float
    """Harmonic mean of both."""
    clips: int
    """Clips that have it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """How good a bundle is on a split of some data."""

    bundle: str
    """Where the bundle is, or its name."""
    data: str
    """Name of the data."""
    split: str
    """Which part of it."""
    labels: tuple[str, ...]
    """In the order of the bundle."""
    clips: int
    """Clips that could be read; all figures are of these."""
    accuracy: float
    """Share of them that was answered with its label."""
    accuracy_interval: tuple[float, float]
    """Bounds of the accuracy at 95 %."""
    interval_method: str
    """How the bounds were found, in words."""
    macro_f1: float
    """Mean F1 of the labels that occur or were answered."""
    per_class: tuple[ClassScore, ...]
    """One for each label, in the order of `labels`."""
    confusion: tuple[tuple[int, ...], ...]
    """[labels, labels] counts; a row is what was said, a column what was heard."""
    top_confusions: tuple[tuple[str, str, int], ...]
    """Said, heard, and how often; most frequent first."""
    calibration_error: float
    """Expected calibration error over 15 bins of equal width."""
    parameters: int
    """Weights of the model."""
    macs_per_second: float
    """Multiply-accumulates for one second of audio."""
    bundle_bytes: int
    """Size of the bundle on disk."""
    ms_per_clip: float
    """Milliseconds the graph takes for one clip."""
    unreadable: tuple[str, ...]
    """One message for each clip that could not be read; it names the file."""
    scored: tuple[Scored, ...]
    """One row for each clip, unreadable ones among them; left out of `to_json`."""

    def to_json(self) -> dict[str, Any]:
        """Everything but the rows, as a tree for `json.dumps`."""
        plain = (
            *("bundle", "data", "split", "clips", "accuracy", "interval_method", "macro_f1"),
            *("calibration_error", "parameters", "macs_per_second", "bundle_bytes", "ms_per_clip"),
        )
        return {
            **{name: getattr(self, name) for name in plain},
            "accuracy_interval": list(self.accuracy_interval),
            "labels": list(self.labels),
            "confusion": [list(row) for row in self.confusion],
            "per_class": [asdict(row) for row in self.per_class],
            "top_confusions": [
                {"said": said, "heard": heard, "clips": clips}
                for said, heard, clips in self.top_confusions
            ],
            "unreadable": list(self.unreadable),
        }


def score(
    scored: Sequence[Scored],
    *,
    labels: Sequence[str],
    bundle: str,
    data: str,
    split: str,
    parameters: int,
    macs_per_second: float,
    bundle_bytes: int,
    ms_per_clip: float,
) -> Report:
    """Work out every figure from the rows; clips that could not be read are listed, not counted.

    Raises `ManifestError` when no clip could be read, or a row has a label that is not in `labels`.
    """
    rows = [row for row in scored if not row.error]
    unreadable = tuple(_complaint(row) for row in scored if row.error)
    if not rows:
        raise ManifestError(_nothing(data, split, unreadable))
    truth, predicted = _numbers(rows, labels)
    counts = metrics.confusion(truth, predicted, labels=len(labels))
    interval, method = _interval(rows, truth == predicted)
    return Report(
        bundle=bundle,
        data=data,
        split=split,
        labels=tuple(labels),
        clips=len(rows),
        accuracy=metrics.accuracy(truth, predicted),
        accuracy_interval=interval,
        interval_method=method,
        macro_f1=metrics.macro_f1(counts),
        per_class=_per_class(counts, labels),
        confusion=tuple(tuple(int(cell) for cell in row) for row in counts),
        top_confusions=_top_confusions(counts, labels),
        calibration_error=metrics.calibration_error(_probabilities(rows), truth),
        parameters=parameters,
        macs_per_second=macs_per_second,
        bundle_bytes=bundle_bytes,
        ms_per_clip=ms_per_clip,
        unreadable=unreadable,
        scored=tuple(scored),
    )


def margin(row: Scored, labels: Sequence[str]) -> float:
    """p(label) - the largest p(another label), in [-1, 1]; below 0 the answer is wrong."""
    at = labels.index(row.label)
    others = np.delete(row.probabilities, at)
    return float(row.probabilities[at] - (others.max() if others.size else 0.0))


def worst(report: Report, *, n: int) -> tuple[Scored, ...]:
    """The n clips of least margin, worst first: wrong ones, then those that were nearly wrong."""
    rows = [row for row in report.scored if not row.error]
    return tuple(sorted(rows, key=lambda row: (margin(row, report.labels), _address(row)))[:n])


def examples(report: Report, *, each: int) -> dict[str, tuple[Scored, ...]]:
    """Up to `each` clips of every label that has any: right ones of different speakers first.

    Among equals the surest comes first.
    """
    met: set[tuple[str, str]] = set()
    ranks: dict[str, list[tuple[bool, bool, int, Scored]]] = {label: [] for label in report.labels}
    for place, row in enumerate(reversed(worst(report, n=report.clips))):
        voice = row.label, row.speaker
        known = bool(row.speaker) and voice in met
        met.add(voice)
        ranks[row.label].append((row.predicted != row.label, known, place, row))
    return {
        label: tuple(row for *_, row in sorted(found, key=lambda rank: rank[:3])[:each])
        for label, found in ranks.items()
        if found
    }


def _address(row: Scored) -> tuple[str, float]:
    """Tells clips apart, so that equal figures have one order."""
    return row.path, row.start_s or 0.0


def _complaint(row: Scored) -> str:
    """Why a clip could not be read; most messages name the file already."""
    return row.error if row.path in row.error else f"{row.path}: {row.error}"


def _nothing(data: str, split: str, unreadable: Sequence[str]) -> str:
    """Say why there is nothing to score."""
    where = f"{data}, split '{split}'"
    if not unreadable:
        return f"{where}: there are no clips to score; name another split, or `all`"
    return (
        f"{where}: none of the {len(unreadable)} clips can be read, the first because: "
        f"{unreadable[0]}"
    )


def _numbers(
    rows: Sequence[Scored], labels: Sequence[str]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Truth and answer as label numbers, [clips] each."""
    place = {label: number for number, label in enumerate(labels)}
    for row in rows:
        for label in (row.label, row.predicted):
            if label not in place:
                raise ManifestError(
                    f"{row.path}: '{label}' is none of the {len(labels)} labels of the bundle "
                    f"({', '.join(labels[:10])}{', ...' if len(labels) > 10 else ''})"
                )
    truth = np.array([place[row.label] for row in rows], np.int64)
    return truth, np.array([place[row.predicted] for row in rows], np.int64)


def _probabilities(rows: Sequence[Scored]) -> NDArray[np.float32]:
    """[clips, labels]."""
    return np.stack([row.probabilities for row in rows])


def _interval(rows: Sequence[Scored], right: NDArray[np.bool_]) -> tuple[tuple[float, float], str]:
    """Bounds of the accuracy, and the words for how they were found.

    Speakers are redrawn where they are known, since clips of one speaker fail together; a clip
    without a speaker is a group of its own. Where that varies nothing, Wilson's formula answers.
    """
    speakers = len({row.speaker for row in rows if row.speaker})
    reason = _too_alike(speakers, right)
    if reason is not None:
        bounds = metrics.wilson_interval(int(right.sum()), len(rows), confidence=CONFIDENCE)
        return bounds, f"Wilson, clips taken as independent{reason}"
    groups = [
        f"speaker {row.speaker}" if row.speaker else f"clip {number}"
        for number, row in enumerate(rows)
    ]
    bounds = metrics.bootstrap_interval(right, groups=groups, confidence=CONFIDENCE)
    return bounds, f"bootstrap over {speakers} speakers"


def _too_alike(speakers: int, right: NDArray[np.bool_]) -> str | None:
    """Why redrawing speakers would vary too little, in words; None when it does not."""
    if speakers == 0:
        return ""
    if speakers < FEWEST_SPEAKERS:
        return ": one speaker only" if speakers == 1 else f": {speakers} speakers only"
    if right.all() or not right.any():
        return f": all {speakers} speakers did alike"
    return None


def _per_class(counts: NDArray[np.int64], labels: Sequence[str]) -> tuple[ClassScore, ...]:
    found = metrics.per_class(counts)
    return tuple(
        ClassScore(
            label=label,
            precision=float(found.precision[i]),
            recall=float(found.recall[i]),
            f1=float(found.f1[i]),
            clips=int(found.support[i]),
        )
        for i, label in enumerate(labels)
    )


def _top_confusions(
    counts: NDArray[np.int64], labels: Sequence[str]
) -> tuple[tuple[str, str, int], ...]:
    found = metrics.top_confusions(counts, n=TOP_CONFUSIONS)
    return tuple((labels[said], labels[heard], clips) for said, heard, clips in found)
