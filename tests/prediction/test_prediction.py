"""Files, folders and tables in, one row each out, in order, whole or not at all."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from bundles import write_tone
from sonant.errors import BundleError, ManifestError, SonantError
from sonant.manifest import Item, Manifest
from sonant.prediction import gather, predict
from sonant.runtime.recogniser import Prediction


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """low.wav, sub/high.flac, sub/mid.ogg, and what is no clip."""
    folder = tmp_path / "clips"
    write_tone(folder / "low.wav", "low")
    write_tone(folder / "sub" / "high.flac", "high", rate_hz=44_100)
    write_tone(folder / "sub" / "mid.ogg", "mid", seconds=0.5)
    write_tone(folder / ".hidden" / "no.wav", "mid")
    (folder / "._low.wav").write_bytes(b"what a Mac leaves behind")
    (folder / "notes.md").write_text("no audio")
    return folder


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_folder_is_searched_to_its_ground_and_sorted(tiny_bundle: Path, clips: Path) -> None:
    out = clips.parent / "out.csv"
    done = predict(tiny_bundle, [clips], output=out, top=1)
    assert (done.rows, done.unreadable, done.output) == (3, (), out)
    assert out.read_text(encoding="utf-8").splitlines() == [
        "file_name,target,probability",
        f"{clips / 'low.wav'},low,1.000000",
        f"{clips / 'sub' / 'high.flac'},high,1.000000",
        f"{clips / 'sub' / 'mid.ogg'},mid,1.000000",
    ]


def test_inputs_keep_the_order_they_are_given_in(tiny_bundle: Path, clips: Path) -> None:
    out = clips.parent / "out.csv"
    inputs = [clips / "sub", clips / "low.wav", clips / "sub" / "mid.ogg"]
    predict(tiny_bundle, inputs, output=out)
    assert [row["target"] for row in table(out)] == ["high", "mid", "low", "mid"]


def test_paths_may_be_text(tiny_bundle: Path, clips: Path) -> None:
    out = clips.parent / "out.csv"
    sample = clips.parent / "sample.csv"
    sample.write_text("file_name,target\nmid.ogg,\n", encoding="utf-8")
    predict(str(tiny_bundle), [str(clips)], output=str(out))
    assert [row["target"] for row in table(out)] == ["low", "high", "mid"]
    predict(str(tiny_bundle), [], sample=str(sample), audio_dir=str(clips / "sub"), output=str(out))
    assert table(out) == [{"file_name": "mid.ogg", "target": "mid"}]


def test_the_rows_of_a_table_are_named_as_they_are_written(tiny_bundle: Path, clips: Path) -> None:
    rows = clips.parent / "test.csv"
    rows.write_text("file_name,target\nsub/mid.ogg,\nlow.wav,\nsub/mid.ogg,\n", encoding="utf-8")
    out = clips.parent / "out.jsonl"
    predict(tiny_bundle, [rows], output=out, audio_dir=clips)
    found = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [one["path"] for one in found] == ["sub/mid.ogg", "low.wav", "sub/mid.ogg"]
    assert [one["label"] for one in found] == ["mid", "low", "mid"]


def test_segments_and_gains_of_a_manifest_are_followed(tiny_bundle: Path, clips: Path) -> None:
    items = [
        Item(path=clips / "low.wav", start_s=0.25, end_s=0.75),
        Item(path=clips / "low.wav", start_s=0.25, end_s=0.75, gain=0.0),
    ]
    listed = Manifest(items=tuple(items)).save(clips.parent / "parts.csv")
    found: list[Prediction] = []
    predict(tiny_bundle, [listed], on_prediction=found.append)
    assert [(one.start_s, one.end_s, one.label) for one in found] == [
        (0.25, 0.75, "low"),
        (0.25, 0.75, "high"),  # digital silence: all alike, and the first label leads
    ]


def test_a_sample_submission_is_filled_and_nothing_else_changed(
    tiny_bundle: Path, clips: Path
) -> None:
    text = "id,fname,label\n3,high.flac,x\n1,gone.wav,x\n2,mid.ogg,x\n3,high.flac,x\n"
    (clips / "sample.csv").write_text(text, encoding="utf-8")
    out = clips.parent / "out.csv"
    found: list[Prediction] = []
    done = predict(
        tiny_bundle, [], sample=clips / "sample.csv", output=out, on_prediction=found.append
    )
    assert out.read_text(encoding="utf-8") == (
        "id,fname,label\n3,high.flac,high\n1,gone.wav,\n2,mid.ogg,mid\n3,high.flac,high\n"
    )
    assert done.rows == 4
    assert [one.path for one in done.unreadable] == ["gone.wav"]
    assert [one.path for one in found] == ["high.flac", "gone.wav", "mid.ogg", "high.flac"]


@pytest.mark.parametrize("given", ["clips/sub", "clips/sub/mid.ogg"])
def test_the_inputs_say_where_the_files_of_a_sample_are(
    tiny_bundle: Path, clips: Path, given: str
) -> None:
    sample = clips.parent / "elsewhere" / "sample.csv"
    sample.parent.mkdir()
    sample.write_text("file_name,target\nmid.ogg,\nhigh.flac,\n", encoding="utf-8")
    out = clips.parent / "out.csv"
    assert not predict(tiny_bundle, [clips.parent / given], sample=sample, output=out).unreadable
    assert [row["target"] for row in table(out)] == ["mid", "high"]


def test_an_unreadable_file_is_named_counted_and_given_an_empty_row(
    tiny_bundle: Path, clips: Path
) -> None:
    broken = clips / "broken.wav"
    broken.write_bytes(b"")
    out = clips.parent / "out.csv"
    done = predict(tiny_bundle, [clips], output=out, top=1)
    assert done.rows == 4
    assert [(one.path, one.label) for one in done.unreadable] == [(str(broken), None)]
    assert f"{broken}: cannot be read as audio" in done.unreadable[0].error
    assert table(out)[0] == {"file_name": str(broken), "target": "", "probability": ""}


def test_a_file_asked_for_by_name_is_tried_whatever_its_ending(
    tiny_bundle: Path, clips: Path
) -> None:
    odd = (clips / "low.wav").rename(clips / "low.data")
    found: list[Prediction] = []
    predict(tiny_bundle, [odd], on_prediction=found.append)
    assert found[0].label == "low"


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("out.csv", "file_name,"),
        ("out.jsonl", '{"path": '),
        ("out.ndjson", '{"path": '),
        ("out.TXT", "path "),
    ],
)
def test_the_ending_tells_the_format(tiny_bundle: Path, clips: Path, name: str, first: str) -> None:
    predict(tiny_bundle, [clips], output=clips.parent / name)
    assert (clips.parent / name).read_text(encoding="utf-8").startswith(first)


def test_the_format_asked_for_beats_the_ending(tiny_bundle: Path, clips: Path) -> None:
    out = clips.parent / "out.data"
    with pytest.raises(SonantError, match=r"the ending tells no format; use \.csv"):
        predict(tiny_bundle, [clips], output=out)
    predict(tiny_bundle, [clips], output=out, format="csv")
    assert len(table(out)) == 3


def test_a_stream_is_written_as_it_goes(tiny_bundle: Path, clips: Path) -> None:
    stream = io.StringIO()
    done = predict(tiny_bundle, [clips], output=stream)
    assert done.output is None
    assert [line.split()[1] for line in stream.getvalue().splitlines()] == [
        "label",
        "low",
        "high",
        "mid",
    ]


@pytest.mark.parametrize("batch", [1, 2, 64])
def test_progress_counts_to_the_end(tiny_bundle: Path, clips: Path, batch: int) -> None:
    seen: list[tuple[int, int]] = []
    predict(tiny_bundle, [clips], batch=batch, on_progress=lambda *step: seen.append(step))
    assert seen == [(done, 3) for done in range(1, 4) if done % batch == 0 or done == 3]


@pytest.mark.parametrize("error", [KeyboardInterrupt, BrokenPipeError, RuntimeError])
def test_an_interrupted_run_leaves_the_old_file_and_no_half_one(
    tiny_bundle: Path, clips: Path, error: type[BaseException]
) -> None:
    out = clips.parent / "out.csv"
    out.write_text("as before")

    def stop(prediction: Prediction) -> None:
        raise error

    before = sorted(clips.parent.iterdir())
    with pytest.raises(error):
        predict(tiny_bundle, [clips], output=out, on_prediction=stop)
    assert out.read_text() == "as before"
    assert sorted(clips.parent.iterdir()) == before


def test_until_the_end_there_is_no_file(tiny_bundle: Path, clips: Path) -> None:
    out = clips.parent / "out.csv"
    there: list[bool] = []
    predict(tiny_bundle, [clips], output=out, on_prediction=lambda _: there.append(out.exists()))
    assert there == [False] * 3
    assert out.exists()


def test_a_place_that_cannot_be_written_is_refused_first(tiny_bundle: Path, clips: Path) -> None:
    never: Any = pytest.fail
    with pytest.raises(SonantError, match="is a folder"):
        predict(tiny_bundle, [clips], output=clips, format="csv", on_prediction=never)
    with pytest.raises(SonantError, match="lies in a folder that is not there"):
        predict(tiny_bundle, [clips], output=clips / "x" / "out.csv", on_prediction=never)


def test_no_source_is_written_over(tiny_bundle: Path, clips: Path) -> None:
    sample = clips / "sample.csv"
    sample.write_text("file_name,target\nlow.wav,\n", encoding="utf-8")
    for output in (sample, clips / "sub" / ".." / "sample.csv"):
        with pytest.raises(SonantError, match="is an input as well"):
            predict(tiny_bundle, [], sample=sample, output=output)
    with pytest.raises(SonantError, match="is an input as well"):
        predict(tiny_bundle, [sample], output=sample)


def test_a_submission_is_never_json(tiny_bundle: Path, clips: Path) -> None:
    sample = clips / "sample.csv"
    sample.write_text("file_name,target\nlow.wav,\n", encoding="utf-8")
    with pytest.raises(SonantError, match="a sample submission is filled as CSV"):
        predict(tiny_bundle, [], sample=sample, format="jsonl")


def test_what_is_not_there_is_an_error_before_the_first_clip(
    tiny_bundle: Path, clips: Path
) -> None:
    with pytest.raises(ManifestError, match="nothing to predict"):
        predict(tiny_bundle, [])
    with pytest.raises(ManifestError, match=r"nowhere\.wav: there is no such file or folder"):
        predict(tiny_bundle, [clips, Path("nowhere.wav")])
    (clips / "empty").mkdir()
    with pytest.raises(ManifestError, match="empty: holds no audio files"):
        predict(tiny_bundle, [clips / "empty"])
    with pytest.raises(BundleError, match="holds no bundle"):
        predict(clips, [clips])


def test_a_link_that_leads_back_up_is_followed_once(clips: Path) -> None:
    (clips / "sub" / "again").symlink_to(clips)
    assert len(gather([clips]).items) == 3


def test_a_linked_folder_is_searched(clips: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "link").symlink_to(clips / "sub")
    assert len(gather([tmp_path / "data"]).items) == 2
