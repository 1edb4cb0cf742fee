"""From one row a clip to a report: every figure follows from the rows; bad rows are told apart."""

from __future__ import annotations

import json

import numpy as np
import pytest

from results import LABELS, report_of, row, unreadable
from sonant import metrics, scoring
from sonant.errors import ManifestError

ROWS = [
    row("go", "go", path="a", sure=0.9),
    row("go", "no", path="b", sure=0.6),
    row("go", "no", path="c", sure=0.7),
    row("no", "no", path="d", sure=0.5),
    row("no", "go", path="e", sure=0.8),
]


def by_speakers(rights: list[int], *, each: int = 10) -> list[scoring.Scored]:
    """`each` clips of every speaker, of which the first so many are right."""
    return [
        row("go", "go" if clip < right else "no", path=f"{speaker}/{clip}", speaker=f"s{speaker}")
        for speaker, right in enumerate(rights)
        for clip in range(each)
    ]


def test_the_figures_of_a_report_by_hand() -> None:
    report = report_of(ROWS)
    assert (report.clips, report.accuracy) == (5, pytest.approx(0.4))
    assert report.confusion == ((1, 2, 0), (1, 1, 0), (0, 0, 0))
    assert report.top_confusions == (("go", "no", 2), ("no", "go", 1))
    go, no, yes = report.per_class
    assert (go.label, go.clips, go.precision) == ("go", 3, pytest.approx(1 / 2))
    assert (no.recall, no.f1) == (pytest.approx(1 / 2), pytest.approx(2 / 5))
    assert (yes.precision, yes.recall, yes.f1, yes.clips) == (0, 0, 0, 0)
    assert report.macro_f1 == pytest.approx((2 / 5 + 2 / 5) / 2)
    gaps = [abs(int(r.predicted == r.label) - r.probability) for r in ROWS]
    assert report.calibration_error == pytest.approx(np.mean(gaps))


def test_what_is_known_of_the_model_is_passed_on() -> None:
    report = report_of(ROWS)
    assert (report.bundle, report.data, report.split) == ("tiny/1", "tones", "test")
    assert (report.parameters, report.macs_per_second) == (1234, 5.6e6)
    assert (report.bundle_bytes, report.ms_per_clip) == (78_900, 0.5)
    assert report.scored == tuple(ROWS)


def test_the_tree_for_json_holds_the_figures_and_not_the_rows() -> None:
    report = report_of([*ROWS, unreadable("f.wav", error="f.wav: no such file")])
    tree = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert tree["accuracy"] == report.accuracy
    assert (tree["clips"], tree["labels"], tree["parameters"]) == (5, list(LABELS), 1234)
    assert tree["confusion"] == [[1, 2, 0], [1, 1, 0], [0, 0, 0]]
    assert tree["accuracy_interval"] == list(report.accuracy_interval)
    assert tree["per_class"][0]["label"] == "go"
    assert tree["top_confusions"][0] == {"said": "go", "heard": "no", "clips": 2}
    assert tree["unreadable"] == ["f.wav: no such file"]
    assert "scored" not in tree


def test_a_clip_that_cannot_be_read_is_listed_and_counts_in_no_figure() -> None:
    broken = unreadable("x.wav", error="not audio")
    with_it, without = report_of([broken, *ROWS]), report_of(ROWS)
    assert with_it.unreadable == ("x.wav: not audio",)
    assert with_it.accuracy == without.accuracy
    assert with_it.confusion == without.confusion
    assert len(with_it.scored) == 6


def test_a_message_that_names_the_file_is_not_given_the_name_twice() -> None:
    report = report_of([*ROWS, unreadable("x.wav", error="x.wav: the file is empty")])
    assert report.unreadable == ("x.wav: the file is empty",)


def test_no_readable_clip_at_all_is_an_error_that_says_why() -> None:
    rows = [unreadable(f"{name}.wav", error="no such file") for name in "ab"]
    with pytest.raises(ManifestError, match=r"tones, split 'test': none of the 2 clips .* a\.wav"):
        report_of(rows)


def test_no_clip_at_all_is_an_error_with_a_way_out() -> None:
    with pytest.raises(ManifestError, match="no clips to score; name another split"):
        report_of([])


def test_a_label_the_bundle_does_not_have_is_refused_with_the_clip() -> None:
    strange = row("tree", "go", path="tree/1.wav")
    with pytest.raises(ManifestError, match=r"tree/1\.wav: 'tree' is none of the 3 labels"):
        report_of([strange])


def test_known_speakers_are_redrawn_whole() -> None:
    rows = by_speakers([10, 10, 10, 8, 9, 2, 10, 10])
    report = report_of(rows)
    right = [r.predicted == r.label for r in rows]
    expected = metrics.bootstrap_interval(right, groups=[r.speaker for r in rows])
    assert report.interval_method == "bootstrap over 8 speakers"
    assert report.accuracy_interval == expected
    low, high = metrics.wilson_interval(sum(right), len(right))
    assert expected[1] - expected[0] > high - low


def test_a_clip_without_speaker_stands_for_itself() -> None:
    rows = by_speakers([10, 10, 9, 8, 7])
    lone = [row("no", "no", path=f"lone/{number}") for number in range(50)]
    report = report_of([*rows, *lone])
    groups = [r.speaker for r in rows] + [f"lone {number}" for number in range(50)]
    right = [r.predicted == r.label for r in (*rows, *lone)]
    assert report.accuracy_interval == metrics.bootstrap_interval(right, groups=groups)


@pytest.mark.parametrize(
    ("rows", "method"),
    [
        (ROWS, "Wilson, clips taken as independent"),
        (by_speakers([5]), "Wilson, clips taken as independent: one speaker only"),
        (by_speakers([5, 6, 7]), "Wilson, clips taken as independent: 3 speakers only"),
        (by_speakers([10] * 6), "Wilson, clips taken as independent: all 6 speakers did alike"),
        (by_speakers([0] * 6), "Wilson, clips taken as independent: all 6 speakers did alike"),
    ],
    ids=["none", "one", "few", "all right", "all wrong"],
)
def test_where_speakers_tell_nothing_the_interval_is_wilsons(
    rows: list[scoring.Scored], method: str
) -> None:
    report = report_of(rows)
    hits = sum(r.predicted == r.label for r in rows)
    assert report.interval_method == method
    assert report.accuracy_interval == metrics.wilson_interval(hits, len(rows))


def test_the_margin_is_the_lead_of_what_was_said() -> None:
    assert scoring.margin(row("go", "go", sure=0.8), LABELS) == pytest.approx(0.8 - 0.1)
    assert scoring.margin(row("go", "no", sure=0.8), LABELS) == pytest.approx(0.1 - 0.8)


def test_the_worst_clips_are_the_surely_wrong_then_the_hardly_right() -> None:
    rows = [*ROWS, unreadable("x.wav", error="no such file")]
    assert [r.path for r in scoring.worst(report_of(rows), n=4)] == ["e", "c", "b", "d"]
    assert len(scoring.worst(report_of(rows), n=99)) == 5


def test_equally_bad_clips_have_one_order() -> None:
    rows = [row("go", "no", path=path) for path in ("c", "a", "b")]
    assert [r.path for r in scoring.worst(report_of(rows), n=3)] == ["a", "b", "c"]


def test_examples_are_the_surest_right_clips_of_different_speakers() -> None:
    rows = [
        row("go", "go", path="a", sure=0.99, speaker="ann"),
        row("go", "go", path="b", sure=0.98, speaker="ann"),
        row("go", "go", path="c", sure=0.60, speaker="bob"),
        row("go", "no", path="d", sure=0.90, speaker="cy"),
        row("no", "go", path="e", sure=0.90, speaker="ann"),
    ]
    chosen = scoring.examples(report_of(rows), each=3)
    assert {label: [r.path for r in found] for label, found in chosen.items()} == {
        "go": ["a", "c", "b"],
        "no": ["e"],
    }
