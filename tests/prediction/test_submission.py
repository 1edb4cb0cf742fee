"""A sample submission keeps its rows, order and columns; its files are found where they lie."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from sonant.errors import ManifestError
from sonant.prediction.submission import Submission


def sample(path: Path, text: str = "file_name,target\na.wav,x\nb.wav,x\na.wav,x\n") -> Submission:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return Submission.read(path)


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def filled(submission: Submission, *targets: str) -> str:
    file = io.StringIO(newline="")
    fill = submission.filler(file)
    for target in targets:
        fill(target)
    return file.getvalue()


def test_rows_order_and_duplicates_are_kept(tmp_path: Path) -> None:
    submission = sample(tmp_path / "sample.csv")
    assert submission.names == ("a.wav", "b.wav", "a.wav")
    assert filled(submission, "yes", "", "no") == "file_name,target\na.wav,yes\nb.wav,\na.wav,no\n"


def test_only_the_target_changes(tmp_path: Path) -> None:
    text = 'id,target,"file, name",Label\n7,,x,y\n'
    with pytest.raises(ManifestError, match="want one column of file names and one to fill"):
        sample(tmp_path / "two.csv", text)
    text = 'id,fname,Label\n"7, or 8",clip.wav,silence\n'
    assert filled(sample(tmp_path / "one.csv", text), "yes") == (
        'id,fname,Label\n"7, or 8",clip.wav,yes\n'
    )


@pytest.mark.parametrize(
    ("text", "file_column", "target_column"),
    [
        ("fname,label\na.wav,\n", "fname", "label"),
        ("File Name,Prediction\na.wav,\n", "File Name", "Prediction"),
        ("answer,sound\n,a.wav\n", "sound", "answer"),
    ],
)
def test_columns_are_known_by_name_or_by_what_is_in_them(
    tmp_path: Path, text: str, file_column: str, target_column: str
) -> None:
    submission = sample(tmp_path / "sample.csv", text)
    assert (submission.file_column, submission.target_column) == (file_column, target_column)


@pytest.mark.parametrize(("name", "separator"), [("s.csv", ";"), ("s.tsv", "\t"), ("s.csv", ",")])
def test_what_separates_the_columns_is_kept(tmp_path: Path, name: str, separator: str) -> None:
    text = f"file_name{separator}target\na.wav{separator}\n"
    assert filled(sample(tmp_path / name, text), "yes") == text.replace(
        f"a.wav{separator}", f"a.wav{separator}yes"
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a,b\n1,2\n", "want one column of file names and one to fill.*; its columns are a, b"),
        ("file_name\na.wav\n", "want one column of file names and one to fill"),
        ("file_name,target\na.wav,\n ,yes\n", "line 3: names no file in column file_name"),
    ],
)
def test_what_is_no_submission_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(ManifestError, match=reason):
        sample(tmp_path / "sample.csv", text)


def test_json_lines_are_no_submission(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"want \.csv or \.tsv"):
        sample(tmp_path / "sample.jsonl", '{"file_name": "a.wav", "target": ""}\n')


@pytest.mark.parametrize("home", ["given", "given/clips", "list", "list/audio_files"])
def test_files_are_found_in_the_folder_beside_the_table_or_one_below(
    tmp_path: Path, home: str
) -> None:
    (tmp_path / "given").mkdir()
    paths = [touch(tmp_path / home / name) for name in ("a.wav", "b.wav")]
    submission = sample(tmp_path / "list" / "sample.csv")
    assert submission.audio([tmp_path / "given"]) == [*paths, paths[0]]


def test_names_with_folders_in_them_are_followed(tmp_path: Path) -> None:
    path = touch(tmp_path / "test" / "audio" / "a.wav")
    text = "fname,label\naudio/a.wav,\n"
    assert sample(tmp_path / "sample.csv", text).audio([]) == [path]


def test_the_folder_given_comes_first(tmp_path: Path) -> None:
    touch(tmp_path / "a.wav")
    submission = sample(tmp_path / "sample.csv", "file_name,target\na.wav,\n")
    given = touch(tmp_path / "given" / "a.wav")
    assert submission.audio([tmp_path / "given"]) == [given]


def test_a_file_that_is_nowhere_keeps_its_name(tmp_path: Path) -> None:
    there = touch(tmp_path / "a.wav")
    assert sample(tmp_path / "sample.csv").audio([]) == [there, Path("b.wav"), there]


def test_where_all_are_missing_it_says_where_it_looked(tmp_path: Path) -> None:
    submission = sample(tmp_path / "sample.csv")
    with pytest.raises(ManifestError, match=r"none of its 3 files is there, as 'a\.wav'.*--audio"):
        submission.audio([tmp_path / "given"])


def test_one_name_in_two_sub_folders_is_not_guessed(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        touch(tmp_path / folder / "a.wav")
    with pytest.raises(ManifestError, match=r"a\.wav is both .*one.* and .*two.*--audio"):
        sample(tmp_path / "sample.csv").audio([])
