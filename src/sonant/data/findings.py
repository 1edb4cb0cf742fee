"""What can be wrong with a set of recordings, where the line is drawn, and what to do about it.

Thresholds were chosen on 19,442 real recordings: damage is found there, and honest clips, quiet or
loud, are left in peace.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from sonant.manifest import Item

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
Kind = Literal[
    "missing", "unreadable", "empty", "not_finite", "silent", "clipped", "too_short", "off_rate",
    "same_audio", "speaker_in_splits", "label_name", "class_balance", "unlabelled", "no_split",
    "not_trained",
]  # fmt: skip

MIN_S = 0.1
"""Seconds a clip lasts at least; the shortest of 19,442 real ones lasts exactly that."""
SILENT_PEAK = 1e-4
"""-80 dBFS, three steps of 16 bits; real clips that peak at eight still rise above their noise."""
CLIPPED_SHARE = 0.015
"""Share of samples in flat runs at the extremes: one of 19,442 real clips reaches it, and so do
99 % of clips driven 20 dB over full scale and 89 % of those driven 12 dB over it."""
RARE_CLASS = 0.2
"""A class with fewer clips than this share of the median class is short of clips."""
EXAMPLES = 3
"""Files named where a finding is about many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """A kind of finding in words."""

    title: str
    meaning: str
    mend: str
    """What to do about it."""


KINDS: dict[Kind, About] = {
    "missing": About(
        title="Missing files",
        meaning="The manifest names a file that is not there.",
        mend="Correct the path or drop the row.",
    ),
    "unreadable": About(
        title="Unreadable files",
        meaning="Not audio, damaged, cut off before its end, or a segment outside the file.",
        mend="Copy or convert the original again, or drop the clip.",
    ),
    "empty": About(
        title="Empty files",
        meaning="The file has no bytes or no samples.",
        mend="Copy the original again, or drop the clip.",
    ),
    "not_finite": About(
        title="Samples that are not numbers",
        meaning="Some samples are NaN or infinite; one of them is enough to spoil a training run.",
        mend="Convert the original again, or drop the clip.",
    ),
    "silent": About(
        title="Silent clips",
        meaning="The loudest sample stays below -80 dBFS, and the label is not one for silence.",
        mend="Drop the clip, or label it _silence_.",
    ),
    "clipped": About(
        title="Clipped clips",
        meaning=f"{CLIPPED_SHARE:.1%} of the samples or more lie in flat runs at the extremes.",
        mend="Take the original at a lower gain; what was cut off cannot be brought back.",
    ),
    "too_short": About(
        title="Clips that are too short",
        meaning="The clip is shorter than any word.",
        mend="Drop the clip, or mend the segment that cut it.",
    ),
    "off_rate": About(
        title="Clips at another sample rate",
        meaning="The file's sample rate is not the one stated, or not that of most of the set.",
        mend="Clips are resampled when read, but a lower rate has no high frequencies: "
        "convert all from their originals the same way.",
    ),
    "same_audio": About(
        title="The same audio in several places",
        meaning="Equal when decoded, or one recording through another codec, rate or volume.",
        mend="Keep one, and decide which label and split are true.",
    ),
    "speaker_in_splits": About(
        title="Speakers in several splits",
        meaning="A test on voices known from training promises more than it can keep.",
        mend="Split again by speaker.",
    ),
    "label_name": About(
        title="Suspicious label names",
        meaning="A label that is probably another one, written differently.",
        mend="Rename the folder or the label; if it is meant, leave it.",
    ),
    "class_balance": About(
        title="Classes short of clips",
        meaning=f"Fewer clips than {RARE_CLASS:.0%} of the median class.",
        mend="Record more, leave the class out, or train with class weights.",
    ),
    "unlabelled": About(
        title="Clips without a label",
        meaning="Some clips have no label although others do.",
        mend="Fill in the label or drop the rows.",
    ),
    "no_split": About(
        title="Clips without a split",
        meaning="Some clips belong to no split although others do: nothing will use them.",
        mend="Fill in the split or drop the rows.",
    ),
    "not_trained": About(
        title="Labels without training clips",
        meaning="The label appears in other splits but never in training.",
        mend="Move some clips, or leave the label out.",
    ),
}
"""Every kind there is, in the order of a report."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong."""

    kind: Kind
    severity: Severity
    """`error`: clip or score cannot be trusted; `warning`: look at it; `note`: good to know."""
    message: str
    """What and where, in a sentence."""
    items: tuple[Item, ...] = ()
    """The clips concerned, or the first few of many."""
    clips: int = 1
    """Number of clips concerned."""
    detail: Mapping[str, object] = field(default_factory=dict)
    """The numbers and names behind the message."""

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files of `items`."""
        return tuple(item.path for item in self.items)

    def to_json(self) -> dict[str, Any]:
        """The finding as plain data."""
        return {
            "kind": self.kind,
            "severity": self.severity,
            "message": self.message,
            "paths": [str(path) for path in self.paths],
            "clips": self.clips,
            "detail": dict(self.detail),
        }
