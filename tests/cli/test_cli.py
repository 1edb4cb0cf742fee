"""The command line: what each verb prints, where, and with which exit code."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile

from sonant import cli
from sonant.cli import console
from sonant.data.cache import decode_manifest
from sonant.manifest import Manifest
from words import RATE_HZ, SMALL, spoken_words

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of recordings with a table of them."""
    folder = tmp_path_factory.mktemp("words")
    spoken_words(folder).save(folder / "manifest.csv")
    return folder


@pytest.fixture
def sonant(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command line in this process; returns exit code, stdout, stderr."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["sonant", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            cli.main()
        shown = capsys.readouterr()
        return int(left.value.code or 0), shown.out, shown.err

    return run


@pytest.fixture(scope="module")
def trained(words: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What `sonant train --json` printed last, from a process of its own."""
    out = tmp_path_factory.mktemp("trained") / "run"
    command = [sys.executable, "-m", "sonant", "train", str(SMALL), "fit.epochs=6",
               "--data", str(words), "--out", str(out), "--json"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_train_ends_with_one_object_of_bundle_and_metrics(trained: dict[str, object]) -> None:
    assert Path(str(trained["bundle"])).is_dir()
    metrics = trained["metrics"]
    assert isinstance(metrics, dict)
    assert {"validation_accuracy", "test_accuracy"} <= metrics.keys()


def test_evaluate_prints_one_object(sonant: Run, trained: dict[str, object], words: Path) -> None:
    code, out, err = sonant(
        "evaluate", trained["bundle"], "--data", words, "--split", "testing", "--json"
    )
    found = json.loads(out)
    assert code == 0
    assert {"accuracy", "clips", "labels", "confusion", "parameters"} <= found.keys()
    assert found["clips"] == sum(map(sum, found["confusion"])) == 6
    assert "next: sonant" in err


def test_evaluate_of_all_takes_everything(
    sonant: Run, trained: dict[str, object], words: Path
) -> None:
    _, out, _ = sonant("evaluate", trained["bundle"], "--data", words, "--split", "all", "--json")
    assert json.loads(out)["clips"] == 60


def test_evaluate_refuses_labels_the_bundle_does_not_know(
    sonant: Run, trained: dict[str, object], words: Path, tmp_path: Path
) -> None:
    rows = Manifest.load(words).items
    other = [
        type(i)(path=i.path, label="hum" if i.label == "noise" else i.label, split=i.split)
        for i in rows
    ]
    table = Manifest(items=tuple(other)).save(tmp_path / "other.csv")
    code, _, err = sonant("evaluate", trained["bundle"], "--data", table)
    assert code == 1
    assert "hum" in err
    assert "--unknown-as" in err
    code, out, _ = sonant(
        "evaluate", trained["bundle"], "--data", table, "--unknown-as", "noise", "--json"
    )
    assert (code, json.loads(out)["clips"]) == (0, 6)
    code, out, _ = sonant(
        "evaluate", trained["bundle"], "--data", table, "--labels", "high,low", "--json"
    )
    assert (code, json.loads(out)["clips"]) == (0, 4)


def test_evaluate_draws_a_page(
    sonant: Run, trained: dict[str, object], words: Path, tmp_path: Path
) -> None:
    code, out, _ = sonant(
        "evaluate", trained["folder"], "--data", words, "--report", tmp_path / "r.html"
    )
    assert code == 0
    assert "accuracy" in out
    assert "<html" in (tmp_path / "r.html").read_text()


def test_predict_prints_one_object_a_clip(
    sonant: Run, trained: dict[str, object], words: Path
) -> None:
    clips = sorted((words / "low").iterdir())[:2]
    code, out, _ = sonant("predict", trained["bundle"], *clips, "--json", "--top", 2)
    found = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [row["path"] for row in found] == list(map(str, clips))
    assert all(
        {"label", "probability", "top"} <= row.keys() and len(row["top"]) == 2 for row in found
    )


def test_predict_fills_a_sample_submission_and_names_what_it_cannot_read(
    sonant: Run, trained: dict[str, object], words: Path, tmp_path: Path
) -> None:
    (tmp_path / "audio_files").mkdir()
    names = ["b.wav", "broken.wav", "a.wav", "missing.wav"]
    for name, label in (("a.wav", "high"), ("b.wav", "low")):
        samples, _ = soundfile.read(words / label / "s0.wav")
        soundfile.write(tmp_path / "audio_files" / name, samples, RATE_HZ)
    (tmp_path / "audio_files" / "broken.wav").write_bytes(b"noise")
    sample = tmp_path / "sample_submission.csv"
    sample.write_text("file_name,target\n" + "".join(f"{name},high\n" for name in names))
    code, _, err = sonant(
        "predict", trained["bundle"], "--sample", sample, "-o", tmp_path / "done.csv"
    )
    rows = list(csv.DictReader((tmp_path / "done.csv").read_text().splitlines()))
    assert code == 1
    assert [row["file_name"] for row in rows] == names
    assert [bool(row["target"]) for row in rows] == [True, False, True, False]
    assert "broken.wav" in err
    assert "missing.wav" in err
    assert "4 clips, 2 of them unreadable" in err


def test_predict_without_input_is_wrong_usage(sonant: Run, trained: dict[str, object]) -> None:
    code, _, err = sonant("predict", trained["bundle"])
    assert code == 2
    assert "sample" in err


def test_check_finds_damage_and_strict_says_so_in_the_exit_code(
    sonant: Run, words: Path, tmp_path: Path
) -> None:
    code, out, _ = sonant("data", "check", words, "--json", "--strict")
    sound = json.loads(out)
    assert code == (0 if sound["ok"] else 1)
    (words / "low" / "s99.wav").write_bytes(b"")
    try:
        table = tmp_path / "t.csv"
        table.write_text(f"path,label\n{words}/high/s0.wav,high\n{words}/low/s99.wav,low\n")
        code, out, _ = sonant("data", "check", table, "--strict", "--html", tmp_path / "c.html")
        assert code == 1
        assert "empty" in out
        assert (tmp_path / "c.html").exists()
        assert sonant("data", "check", table)[0] == 0
    finally:
        (words / "low" / "s99.wav").unlink()


def test_fetch_without_a_name_lists_the_corpora(sonant: Run) -> None:
    code, out, _ = sonant("data", "fetch")
    assert code == 0
    assert "mini_speech_commands" in out


def test_recipes_are_listed_and_printed(sonant: Run) -> None:
    assert "commands35-resnet18" in sonant("recipes")[1]
    assert 'name = "kws-cnn"' in sonant("recipes", "kws-cnn")[1]
    assert json.loads(sonant("recipes", "kws-cnn", "--json")[1])["model"]["name"] == "kws_cnn"


def test_doctor_tells_what_there_is_and_what_to_run(sonant: Run) -> None:
    code, out, err = sonant("doctor", "--json")
    found = json.loads(out)
    assert code == 0
    assert found["missing"]["core"] == []
    assert "next:" in err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("train", "tutorial-simpel-audio"), 1, "did you mean tutorial-simple-audio"),
        (("train", SMALL, "fit.epoch=3"), 1, "did you mean epochs"),
        (("evaluate", "nowhere"), 1, "nowhere"),
        (("predict", "nowhere", SMALL.parent / "words.py"), 1, "nowhere"),
        (("data", "check", "nowhere"), 1, "nowhere"),
        (("data", "fetch", "speech_comands_v0.02"), 1, "speech_commands_v0.02"),
        (("train", "--epochs", "3"), 2, "--epochs"),
        (("dance",), 2, "dance"),
    ],
)
def test_errors_are_one_clear_message_and_a_code(
    sonant: Run, words: Path, arguments: tuple[object, ...], code: int, message: str
) -> None:
    data = ("--data", words) if arguments[0] in ("train", "evaluate") and code == 1 else ()
    left, _, err = sonant(*arguments, *data)
    assert left == code
    assert message in err
    assert "Traceback" not in err


def test_decoded_clips_are_listed_and_removed(
    sonant: Run, words: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SONANT_CACHE", str(tmp_path))
    decode_manifest(Manifest.load(words), rate_hz=RATE_HZ)
    code, out, err = sonant("data", "cache", "--json")
    (store,) = json.loads(out)["stores"]
    assert (code, store["clips"], store["rate_hz"]) == (0, 60, RATE_HZ)
    assert sonant("data", "cache", "--clear", "--older-than", 1)[0] == 0
    code, out, err = sonant("data", "cache", "--clear")
    assert code == 0
    assert store["name"] in out
    assert "1 stores" in err
    assert list((tmp_path / "clips").iterdir()) == []
    assert json.loads(sonant("data", "cache", "--json")[1])["stores"] == []


@pytest.mark.skipif(os.name != "posix", reason="pipes close otherwise elsewhere")
@pytest.mark.parametrize("arguments", [["recipes"], ["recipes", "kws-cnn"], ["recipes", "--json"]])
def test_a_reader_that_has_left_is_no_failure(arguments: list[str]) -> None:
    program = "from sonant.cli import app, console\nwith console.quiet_pipe(): app()"
    read, write = os.pipe()
    os.close(read)  # nobody listens
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(write)
    assert done.returncode == 141
    assert "Error" not in done.stderr
    assert "Exception" not in done.stderr


def test_other_exits_pass_through_a_quiet_pipe() -> None:
    with pytest.raises(SystemExit) as left, console.quiet_pipe():
        sys.exit(3)
    assert left.value.code == 3


def test_version(sonant: Run) -> None:
    assert sonant("--version")[1].startswith("sonant ")


def test_help_of_every_verb_needs_no_torch() -> None:
    program = "import sys; sys.modules['torch'] = None\nfrom sonant.cli import app\n"
    verbs = ("train", "evaluate", "predict", "demo", "doctor", "recipes", "data")
    for verb in (*verbs, "export", "listen", "review", "describe"):
        program += (
            f"try: app(['{verb}', '--help'])\nexcept SystemExit as left: assert not left.code\n"
        )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "--data" in done.stdout
