"""Predictions become rows of CSV, JSON lines or a table, the unreadable ones among them."""

from __future__ import annotations

import io
import json
from pathlib import Path

from sonant.manifest import Item
from sonant.prediction.rows import WRITERS, Format, Layout
from sonant.runtime.recogniser import Prediction

LABELS = ("no", "yes")
YES = Prediction(path="a.wav", label="yes", probability=0.75, top=(("yes", 0.75), ("no", 0.25)))
BAD = Prediction(path="bad.wav", label=None, probability=None, error="bad.wav: is empty")
PART = Prediction(
    path="long.wav", label="no", probability=1.0, top=(("no", 1.0), ("yes", 0.0)), start_s=0.5
)


def text(form: Format, *predictions: Prediction, top: int = 2) -> list[str]:
    items = [Item(path=Path(one.path), start_s=one.start_s, end_s=one.end_s) for one in predictions]
    names = [one.path for one in predictions]
    file = io.StringIO()
    write = WRITERS[form](file, Layout.of(items, names, labels=LABELS, top=top))
    for one in predictions:
        write(one)
    return file.getvalue().splitlines()


def test_csv_names_the_target_then_the_runners_up() -> None:
    assert text("csv", YES, BAD) == [
        "file_name,target,probability,target_2,probability_2",
        "a.wav,yes,0.750000,no,0.250000",
        "bad.wav,,,,",
    ]


def test_csv_has_no_more_columns_than_there_are_labels() -> None:
    assert text("csv", YES, top=9)[0] == "file_name,target,probability,target_2,probability_2"


def test_csv_tells_segments_apart() -> None:
    assert text("csv", PART, YES) == [
        "file_name,start_s,end_s,target,probability,target_2,probability_2",
        "long.wav,0.5,,no,1.000000,yes,0.000000",
        "a.wav,,,yes,0.750000,no,0.250000",
    ]


def test_json_lines_are_what_a_prediction_says_of_itself() -> None:
    assert [json.loads(line) for line in text("jsonl", YES, BAD, PART)] == [
        one.to_json() for one in (YES, BAD, PART)
    ]


def test_a_table_lines_up() -> None:
    assert text("table", YES, BAD, PART) == [
        "path                         label  probability",
        "a.wav                        yes         75.00%  no 25.00%",
        "bad.wav                      -      bad.wav: is empty",
        "long.wav [0.5 s to the end]  no         100.00%  yes 0.00%",
    ]
