"""The rules, one by one, on measurements made up for the purpose."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from sonant.data.findings import CLIPPED_SHARE, KINDS, MIN_S, SILENT_PEAK, Finding
from sonant.data.judging import (
    judge_clips,
    judge_labels,
    judge_speakers,
    judge_splits,
    judge_twins,
)
from sonant.data.probe import Probe
from sonant.data.twins import Twins
from sonant.manifest import Item

GOOD: dict[str, Any] = {"rate_hz": 16000, "samples": 16000, "peak": 0.3, "rms": 0.05}


def judged(*probes: Probe, rate_hz: int | None = None, label: str = "yes") -> list[str]:
    items = [Item(path=Path(f"{n}.wav"), label=label) for n in range(len(probes))]
    found = judge_clips(items, probes, rate_hz=rate_hz, min_s=MIN_S)
    return [finding.kind for finding in found]


def items(rows: Iterable[tuple[str, str, str]]) -> list[Item]:
    """Clips of (label, speaker, split)."""
    return [
        Item(path=Path(f"{n}.wav"), label=label, speaker=speaker, split=split)
        for n, (label, speaker, split) in enumerate(rows)
    ]


def severities(findings: Iterable[Finding]) -> dict[str, str]:
    return {finding.kind: finding.severity for finding in findings}


def test_a_good_clip_is_left_in_peace() -> None:
    assert judged(Probe(**GOOD)) == []


@pytest.mark.parametrize("fault", ["missing", "unreadable", "empty", "not_finite"])
def test_a_clip_without_a_reading_has_one_finding(fault: Any) -> None:
    assert judged(Probe(**GOOD), Probe(fault=fault, reason="why")) == [fault]


@pytest.mark.parametrize(
    ("change", "kind", "bound"),
    [("peak", "silent", SILENT_PEAK), ("samples", "too_short", MIN_S * 16000)],
)
def test_from_a_bound_upward_a_clip_is_good(change: str, kind: str, bound: float) -> None:
    assert judged(Probe(**{**GOOD, change: bound})) == []
    assert judged(Probe(**{**GOOD, change: bound * 0.99})) == [kind]


def test_from_a_share_upward_a_clip_is_clipped() -> None:
    assert judged(Probe(**GOOD, clipped=CLIPPED_SHARE)) == ["clipped"]
    assert judged(Probe(**GOOD, clipped=CLIPPED_SHARE * 0.99)) == []


@pytest.mark.parametrize("label", ["_silence_", "silence", "_background_noise_"])
def test_silence_may_be_silent(label: str) -> None:
    assert judged(Probe(**{**GOOD, "peak": 0.0}), label=label) == []


def test_zeros_that_the_manifest_asks_for_are_no_finding() -> None:
    assert judged(Probe(**{**GOOD, "peak": 0.0}, muted=True)) == []


def test_the_rate_of_most_clips_is_the_right_one() -> None:
    other = Probe(**{**GOOD, "rate_hz": 8000})

    assert judged(Probe(**GOOD), Probe(**GOOD), other) == ["off_rate"]
    assert judged(Probe(**GOOD), other, Probe(fault="empty")) == ["off_rate", "empty"]


def test_a_stated_rate_is_the_right_one() -> None:
    assert judged(Probe(**GOOD), rate_hz=8000) == ["off_rate"]


def test_a_finding_about_a_segment_names_it() -> None:
    item = Item(path=Path("a.wav"), start_s=1.5, end_s=2.0)
    found = judge_clips([item], [Probe(**{**GOOD, "peak": 0.0})], rate_hz=None, min_s=MIN_S)

    assert next(found).message.startswith("a.wav [1.5-2 s]: ")


@pytest.mark.parametrize(
    ("rows", "exact", "severity"),
    [
        ([("yes", "", "train"), ("yes", "", "train")], True, "warning"),
        ([("yes", "", "train"), ("yes", "", "train")], False, "note"),
        ([("yes", "", "train"), ("no", "", "train")], True, "error"),
        ([("yes", "", "train"), ("yes", "", "test")], False, "error"),
    ],
)
def test_copies_weigh_more_across_labels_and_splits(
    rows: list[tuple[str, str, str]], exact: bool, severity: str
) -> None:
    (found,) = judge_twins(items(rows), [Twins(members=(0, 1), exact=exact)])

    assert (found.kind, found.severity, found.clips) == ("same_audio", severity, 2)
    assert found.paths == (Path("0.wav"), Path("1.wav"))


def test_a_long_list_of_copies_is_cut_in_words_only() -> None:
    (found,) = judge_twins(
        items([("yes", "", "")] * 5), [Twins(members=(0, 1, 2, 3, 4), exact=True)]
    )

    assert found.message.endswith("and 2.wav (yes) and 2 more")
    assert len(found.paths) == 5


def test_a_speaker_on_two_sides_is_found() -> None:
    rows = [("yes", "ann", "train"), ("no", "ann", "test"), ("no", "bob", "test")]
    (found,) = judge_speakers(items(rows))

    assert (found.kind, found.severity, found.clips) == ("speaker_in_splits", "error", 2)
    assert found.detail == {"speaker": "ann", "splits": {"test": 1, "train": 1}}


def test_a_copy_on_the_other_side_is_not_a_speaker_there_too() -> None:
    rows = [("yes", "ann", "train"), ("yes", "ann", "test"), ("no", "ann", "train")]
    copies = [Twins(members=(0, 1), exact=True)]

    assert list(judge_speakers(items(rows), twins=copies)) == []
    assert len(list(judge_speakers(items([*rows, ("no", "ann", "test")]), twins=copies))) == 1
    rows[0] = ("yes", "bob", "train")
    assert len(list(judge_speakers(items(rows), twins=copies))) == 1


@pytest.mark.parametrize("speaker", ["", "unknown", "NaN"])
def test_nobody_is_not_a_speaker(speaker: str) -> None:
    assert list(judge_speakers(items([("a", speaker, "train"), ("a", speaker, "test")]))) == []


def test_without_splits_a_speaker_cannot_be_on_two_sides() -> None:
    assert list(judge_speakers(items([("a", "ann", ""), ("b", "ann", "")]))) == []


def test_the_speaker_is_read_from_the_file_name_when_not_given() -> None:
    clips = [
        Item(path=Path(f"no/ab12_nohash_{n}.wav"), split=split)
        for n, split in enumerate(("train", "test"))
    ]

    assert [found.detail["speaker"] for found in judge_speakers(clips)] == ["ab12"]


def test_a_class_far_below_the_median_is_short_of_clips() -> None:
    rows = [(label, "", "") for label in ("up", "down", "stop") for _ in range(20)]

    assert severities(judge_labels(items([*rows, *[("cat", "", "")] * 4]))) == {}
    (found,) = judge_labels(items([*rows, *[("cat", "", "")] * 3]))
    assert (found.kind, found.clips, found.detail["label"]) == ("class_balance", 3, "cat")


def test_a_slip_is_not_reported_as_a_small_class_too() -> None:
    rows = [("right", "", "")] * 20 + [("left", "", "")] * 20 + [("rihgt", "", "")] * 2
    (found,) = judge_labels(items(rows))

    assert found.kind == "label_name"
    assert found.detail == {"label": "rihgt", "like": "right"}


def test_clips_without_a_label_count_only_among_labelled_ones() -> None:
    assert severities(judge_labels(items([("", "", "")] * 3))) == {}
    assert severities(judge_labels(items([("", "", ""), ("yes", "", "")]))) == {
        "unlabelled": "warning"
    }


def test_clips_without_a_split_count_only_among_split_ones() -> None:
    assert severities(judge_splits(items([("yes", "", "")] * 3))) == {}
    assert severities(judge_splits(items([("yes", "", ""), ("yes", "", "train")]))) == {
        "no_split": "warning"
    }


def test_a_label_that_training_never_sees_is_noted() -> None:
    rows = [("yes", "", "train"), ("no", "", "test"), ("on", "", "test")]
    (found,) = judge_splits(items(rows), known=["on"])

    assert (found.kind, found.severity, found.detail["label"]) == ("not_trained", "note", "no")


def test_folds_have_no_training_split() -> None:
    assert list(judge_splits(items([("yes", "", "fold1"), ("no", "", "fold2")]))) == []


def test_every_kind_says_what_to_do() -> None:
    assert all(about.title and about.meaning and about.mend for about in KINDS.values())
