"""A Manifest is read from folders and tables without a guess, and written back unchanged."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import pytest

from sonant.errors import ManifestError
from sonant.manifest import Columns, Item, Manifest


def put(folder: Path, *names: str) -> Path:
    """Make files of these names; what is in them does not matter for a list."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")
    return folder


def table(folder: Path, text: str, *, name: str = "train.csv") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(text.encode())
    return folder / name


def rows(manifest: Manifest) -> list[tuple[str, str, str]]:
    return [(item.path.name, item.label, item.split) for item in manifest]


def test_a_folder_of_label_folders(tmp_path: Path) -> None:
    put(tmp_path, "yes/b.wav", "yes/a.flac", "no/c.OGG", "no/notes.txt", "README.md", "docs/x.md")
    manifest = Manifest.load(tmp_path)
    assert rows(manifest) == [("c.OGG", "no", ""), ("a.flac", "yes", ""), ("b.wav", "yes", "")]
    assert manifest.labels == ("no", "yes")
    assert manifest.splits == ()
    assert all(item.path.is_absolute() for item in manifest)


def test_hidden_files_and_background_noise_are_no_labels(tmp_path: Path) -> None:
    put(tmp_path, "yes/a.wav", "yes/._a.wav", ".cache/b.wav", "_background_noise_/n.wav", ".x.wav")
    put(tmp_path, "no/b.wav", "__MACOSX/yes/a.wav")
    assert rows(Manifest.load(tmp_path)) == [("b.wav", "no", ""), ("a.wav", "yes", "")]


def test_audio_that_cannot_be_decoded_is_listed_and_not_lost(tmp_path: Path) -> None:
    put(tmp_path, "yes/a.m4a", "no/b.wav")
    (tmp_path / "no" / "gone.wav").symlink_to(tmp_path / "nowhere.wav")
    assert [item.path.name for item in Manifest.load(tmp_path)] == ["b.wav", "gone.wav", "a.m4a"]


def test_split_folders_of_label_folders(tmp_path: Path) -> None:
    put(tmp_path, "train/yes/a.wav", "train/no/b.wav", "valid/yes/c.wav", "Testing/d.wav", "docs/x")
    manifest = Manifest.load(tmp_path)
    assert rows(manifest) == [
        ("d.wav", "", "test"),
        ("b.wav", "no", "train"),
        ("a.wav", "yes", "train"),
        ("c.wav", "yes", "validation"),
    ]
    assert manifest.splits == ("train", "validation", "test")
    assert manifest.origin == "given by the folders"


def test_a_test_folder_alone_stays_a_test_split(tmp_path: Path) -> None:
    put(tmp_path, "test/yes/a.wav", "test/no/b.wav")
    assert Manifest.load(tmp_path).splits == ("test",)


def test_folders_that_only_wrap_others_are_looked_through(tmp_path: Path) -> None:
    put(tmp_path, "mini_speech_commands/yes/a.wav", "mini_speech_commands/no/b.wav", "__MACOSX/x")
    assert Manifest.load(tmp_path).labels == ("no", "yes")


def test_one_folder_of_clips_is_a_label_unless_it_has_the_name_of_none(tmp_path: Path) -> None:
    put(tmp_path / "one", "marvin/a.wav")
    put(tmp_path / "two", "audio/a.wav")
    assert Manifest.load(tmp_path / "one").labels == ("marvin",)
    assert Manifest.load(tmp_path / "two").labels == ()


def test_loose_files_have_no_label(tmp_path: Path) -> None:
    put(tmp_path, "b.wav", "a.wav", "readme.txt")
    assert rows(Manifest.load(tmp_path)) == [("a.wav", "", ""), ("b.wav", "", "")]


def test_speech_commands_names_carry_the_speaker(tmp_path: Path) -> None:
    put(tmp_path, "yes/0a2b400e_nohash_1.wav", "no/other.wav")
    assert [item.speaker for item in Manifest.load(tmp_path)] == ["", "0a2b400e"]


@pytest.mark.parametrize(
    ("names", "says"),
    [
        ([], "is empty"),
        (["notes.txt"], "notes.txt"),
        (["_background_noise_/n.wav"], "no audio found"),
        (["yes/a.wav", "stray.wav"], "loose audio"),
        (["1089/134686/a.flac", "1188/1/b.flac"], "which of the folders is the label"),
        (["train.csv", "sample_submission.csv", "audio_files/a.wav"], "name the table itself"),
    ],
)
def test_a_folder_that_cannot_be_read_one_way_is_refused(
    tmp_path: Path, names: list[str], says: str
) -> None:
    put(tmp_path, *names)
    with pytest.raises(ManifestError, match=says):
        Manifest.load(tmp_path)


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="no such file or folder"):
        Manifest.load(tmp_path / "nothing")


def test_a_single_audio_file_is_no_list(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="one audio file"):
        Manifest.load(put(tmp_path, "a.wav") / "a.wav")


@pytest.mark.parametrize(
    "header",
    ["file_name,target", "path,label", "Filename,Class", "audio_filepath,command", " WAV , Word "],
)
def test_common_column_names_are_known(tmp_path: Path, header: str) -> None:
    put(tmp_path, "a.wav")
    assert rows(Manifest.load(table(tmp_path, f"{header}\na.wav,yes\n"))) == [("a.wav", "yes", "")]


def test_a_table_gives_speakers_splits_and_segments(tmp_path: Path) -> None:
    put(tmp_path, "long.flac")
    text = (
        "file,label,client_id,subset,start,end\n"
        "long.flac,yes,anna,training,0.5,1.25\n"
        "long.flac,no,ben,DEV,2,\n"
        "long.flac,go,,fold3,,0.5\n"
    )
    manifest = Manifest.load(table(tmp_path, text))
    path = tmp_path / "long.flac"
    assert manifest.items == (
        Item(path=path, label="yes", speaker="anna", split="train", start_s=0.5, end_s=1.25),
        Item(path=path, label="no", speaker="ben", split="validation", start_s=2.0),
        Item(path=path, label="go", split="fold3", end_s=0.5),
    )
    assert manifest.splits == ("train", "validation", "fold3")
    assert manifest.origin == "given by the column 'subset'"


def test_a_folder_with_a_manifest_is_read_by_it(tmp_path: Path) -> None:
    put(tmp_path, "yes/a.wav", "no/b.wav")
    table(tmp_path, "file,label\nyes/a.wav,ja\n", name="manifest.csv")
    assert rows(Manifest.load(tmp_path)) == [("a.wav", "ja", "")]


@pytest.mark.parametrize(
    ("columns", "start_s", "end_s"),
    [
        ("duration", None, None),
        ("seconds", None, None),
        ("offset,duration", 1.0, 3.0),
        ("start,duration", 1.0, 3.0),
        ("start,end,duration", 1.0, 2.0),
        ("onset,offset,duration", 1.0, 2.0),
        ("keyword_start,keyword_end", None, None),
    ],
)
def test_a_duration_counts_only_from_a_start(
    tmp_path: Path, columns: str, start_s: float | None, end_s: float | None
) -> None:
    put(tmp_path, "a.wav")
    names = columns.split(",")
    values = {"duration": "2", "seconds": "2", "end": "2", "keyword_end": "2"}
    if "onset" in names:
        values["offset"] = "2"
    cells = ",".join(values.get(name, "1") for name in names)
    item = Manifest.load(table(tmp_path, f"file,{columns}\na.wav,{cells}\n")).items[0]
    assert (item.start_s, item.end_s) == (start_s, end_s)


def test_columns_can_be_named(tmp_path: Path) -> None:
    put(tmp_path, "a.wav")
    path = table(tmp_path, "slice,what,who,on,off\na.wav,yes,anna,0.25,0.75\n")
    asked = Columns(path="slice", label="what", speaker="Who", start="on", end="off")
    assert Manifest.load(path, columns=asked).items[0] == Item(
        path=tmp_path / "a.wav", label="yes", speaker="anna", start_s=0.25, end_s=0.75
    )


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ("slice,label", "slice, label.*--path-column"),
        ("a.wav,yes", "put a header above it"),
        ("file,target,category", "target, category.*--label-column"),
        ("file,filename,label", "file, filename.*--path-column"),
        ("file,file", "two columns are called 'file'"),
    ],
)
def test_columns_that_cannot_be_settled_are_refused_with_the_option_to_give(
    tmp_path: Path, header: str, says: str
) -> None:
    put(tmp_path, "a.wav")
    with pytest.raises(ManifestError, match=says):
        Manifest.load(table(tmp_path, f"{header}\n{','.join(['a.wav'] * (header.count(',') + 1))}"))


def test_a_named_column_that_is_not_there_is_refused(tmp_path: Path) -> None:
    path = table(put(tmp_path, "a.wav"), "file,word\na.wav,yes\n")
    with pytest.raises(ManifestError, match=r"no column 'lable'.*--label-column.*file, word"):
        Manifest.load(path, columns=Columns(label="lable"))


def test_of_two_splits_the_plainly_named_one_is_meant(tmp_path: Path) -> None:
    put(tmp_path, "a.wav")
    path = table(tmp_path, "file,fold,split\na.wav,1,test\n")
    assert Manifest.load(path).splits == ("test",)


def test_audio_in_a_folder_beside_the_table_is_found(tmp_path: Path) -> None:
    put(tmp_path, "audio_files/a.wav", "other/b.wav")
    path = table(tmp_path, "file_name,target\na.wav,yes\nmissing.wav,no\n")
    assert [item.path for item in Manifest.load(path)] == [
        tmp_path / "audio_files" / "a.wav",
        tmp_path / "audio_files" / "missing.wav",
    ]


def test_audio_elsewhere_is_named(tmp_path: Path) -> None:
    put(tmp_path / "clips", "yes/a.wav")
    path = table(tmp_path / "lists", "path,label\nyes/a.wav,yes\n")
    with pytest.raises(ManifestError, match=r"line 2: yes/a.wav is not there; looked in .*--audio"):
        Manifest.load(path)
    found = Manifest.load(path, audio=tmp_path / "clips")
    assert found.items[0].path == tmp_path / "clips" / "yes" / "a.wav"


def test_a_file_in_two_folders_is_not_guessed(tmp_path: Path) -> None:
    put(tmp_path, "left/a.wav", "right/a.wav")
    with pytest.raises(ManifestError, match="left/ and in right/"):
        Manifest.load(table(tmp_path, "file\na.wav\n"))


def test_paths_written_on_windows_are_understood(tmp_path: Path) -> None:
    put(tmp_path, "yes/a.wav")
    manifest = Manifest.load(table(tmp_path, "file,label\nyes\\a.wav,yes\nno\\b.wav,no\n"))
    assert [item.path for item in manifest] == [tmp_path / "yes/a.wav", tmp_path / "no/b.wav"]


def test_json_lines(tmp_path: Path) -> None:
    put(tmp_path, "a.wav")
    lines = [
        {"audio_filepath": "a.wav", "command": 3, "offset": 0.5, "duration": 1},
        {"audio_filepath": "a.wav", "tags": ["x"]},
    ]
    text = "\n\n".join(json.dumps(line) for line in lines)
    for name in ("train.json", "train.jsonl"):
        first, second = Manifest.load(table(tmp_path, text, name=name)).items
        assert first == Item(path=tmp_path / "a.wav", label="3", start_s=0.5, end_s=1.5)
        assert second == Item(path=tmp_path / "a.wav")


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (",yes,,", "line 3: the column 'file' is empty"),
        ("a.wav,yes,soon,", "line 3: start is 'soon'"),
        ("a.wav,yes,nan,", "line 3: start is 'nan'"),
        ("a.wav,yes,-1,", "line 3: start is -1"),
        ("a.wav,yes,2,1", "line 3: the segment ends at 1 s, but starts at 2 s"),
        ("a.wav,yes,,0", "line 3: the segment ends at 0 s"),
    ],
)
def test_a_bad_row_is_named_by_its_line(tmp_path: Path, row: str, says: str) -> None:
    put(tmp_path, "a.wav")
    path = table(tmp_path, f"file,label,start,end\na.wav,yes,,\n{row}\n")
    with pytest.raises(ManifestError, match=says):
        Manifest.load(path)


def test_rows_that_are_alike_are_kept(tmp_path: Path) -> None:
    put(tmp_path, "a.wav")
    assert len(Manifest.load(table(tmp_path, "file,label\na.wav,yes\na.wav,yes\n"))) == 2


def some_items(folder: Path) -> tuple[Item, ...]:
    return (
        Item(path=folder / "yes" / 'ä, "b".wav', label="yes", speaker="anna", split="train"),
        Item(path=folder / "long.flac", label="no", split="fold1", start_s=0.1, end_s=1 / 3),
        Item(path=folder / "long.flac", label="_silence_", end_s=1.0, gain=0.0),
        Item(path=folder.parent / "elsewhere.wav", label="10", gain=0.1234567890123),
    )


@pytest.mark.parametrize("name", ["list.csv", "list.tsv", "list.jsonl"])
def test_what_is_saved_loads_to_an_equal_manifest(tmp_path: Path, name: str) -> None:
    folder = put(tmp_path / "data", 'yes/ä, "b".wav')
    manifest = Manifest(items=some_items(folder))
    again = Manifest.load(manifest.save(folder / name))
    assert again == manifest
    assert again.digest == manifest.digest
    assert [path.name for path in folder.iterdir() if path.is_file()] == [name]


def test_saved_paths_are_relative_so_that_the_folder_can_move(tmp_path: Path) -> None:
    folder = put(tmp_path / "data", "yes/a.wav", "no/b.wav")
    manifest = Manifest.load(folder)
    manifest.save(folder / "manifest.csv")
    shutil.move(folder, tmp_path / "moved")
    moved = Manifest.load(tmp_path / "moved")
    assert moved.items[0].path == tmp_path / "moved" / "no" / "b.wav"
    assert moved.digest == manifest.digest


def test_a_save_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    path = table(tmp_path, "old")
    with pytest.raises(ManifestError, match=r"begins or ends with a blank.*\.jsonl"):
        Manifest(items=(Item(path=tmp_path / "a.wav", label="yes "),)).save(path)
    assert path.read_text() == "old"
    with pytest.raises(ManifestError, match="want a name that ends in"):
        Manifest(items=()).save(tmp_path / "list.txt")


@pytest.mark.parametrize(
    "change",
    [
        {"label": "no"},
        {"speaker": "ben"},
        {"split": "test"},
        {"start_s": 0.5},
        {"gain": 0.5},
        {"path": Path("/data/yes/z.wav")},
    ],
)
def test_the_digest_sees_every_field(change: dict[str, object]) -> None:
    one = {"path": Path("/data/yes/a.wav"), "label": "yes"}
    other = Item(path=Path("/data/no/b.wav"), label="no")
    digests = {
        Manifest(items=(Item(**fields), other)).digest  # type: ignore[arg-type]
        for fields in (one, one | change)
    }
    assert len(digests) == 2


def test_where_keeps_the_order(tmp_path: Path) -> None:
    manifest = Manifest(items=some_items(tmp_path), name="some", origin="made")
    some = manifest.where(labels=("no", "yes"))
    assert [item.label for item in some] == ["yes", "no"]
    assert (some.name, some.origin) == ("some", "made")
    assert len(manifest.where(split="train", labels={"no"})) == 0
    assert [item.label for item in manifest.where(split="")] == ["_silence_", "10"]


def test_labels_are_sorted_whatever_the_order(tmp_path: Path) -> None:
    items = list(some_items(tmp_path))
    random.Random(1).shuffle(items)
    assert Manifest(items=tuple(items)).labels == ("10", "_silence_", "no", "yes")


def test_counts_have_every_label_with_every_split(tmp_path: Path) -> None:
    assert Manifest(items=some_items(tmp_path)).counts() == {
        "10": {"train": 0, "fold1": 0, "": 1},
        "_silence_": {"train": 0, "fold1": 0, "": 1},
        "no": {"train": 0, "fold1": 1, "": 0},
        "yes": {"train": 1, "fold1": 0, "": 0},
    }


def test_every_real_set_is_read_without_an_option(shared_data: Path) -> None:
    sets = {path.name: Manifest.load(path) for path in shared_data.iterdir() if path.is_dir()}
    assert len(sets["speech_commands"]) == 16_261
    assert sets["speech_commands"].splits == ("train", "validation", "test")
    assert len(sets["speech_commands"].labels) == 36
    assert sets["esc10"].splits == ("fold1", "fold2", "fold3", "fold4")
    assert all(item.speaker for item in sets["fsdd"])
    assert all(item.start_s is item.end_s is None for found in sets.values() for item in found)


def test_a_slip_in_real_annotations_is_named_by_its_line(shared_data: Path) -> None:
    asked = Columns(start="keyword_start", end="keyword_end")
    with pytest.raises(ManifestError, match="line 255: the segment ends at 0"):
        Manifest.load(shared_data / "wuw_corpus_ii", columns=asked)
