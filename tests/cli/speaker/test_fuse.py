"""`sonant speaker fuse`, and speakers under `sonant evaluate`: what is printed, and exit codes."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import voice_clips
from other_voice import write_other
from sonant import cli
from sonant.manifest import Manifest
from voice_bundle import write_voices

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return voice_clips.write_clips(tmp_path_factory.mktemp("clips") / "spoken")


@pytest.fixture
def parts(tmp_path: Path) -> list[Path]:
    return [write_voices(tmp_path / "parts"), write_other(tmp_path / "parts")]


@pytest.fixture
def sonant(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command line in this process; returns exit code, stdout, stderr."""
    monkeypatch.delenv("SONANT_SPEAKER_MODEL", raising=False)

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["sonant", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            cli.main()
        shown = capsys.readouterr()
        return int(left.value.code or 0), shown.out, shown.err

    return run


def test_a_fusion_is_compared_written_calibrated_and_asked(
    sonant: Run, parts: list[Path], clips: Manifest, tmp_path: Path
) -> None:
    data = ("--data", clips.root, "--split", "all", "--rounds", 5)
    code, out, err = sonant(
        "speaker", "fuse", *parts, *data, "--weights", "equal", "--out", tmp_path / "out"
    )
    assert code == 0, err
    for shown in ("voices/1", "0.5000", "concatenation, learned weights", "logistic fusion"):
        assert shown in out
    assert "EER" in err
    bundle = tmp_path / "out" / "voices+others"
    assert f"next: sonant speaker calibrate --model {bundle / '1'}" in err
    code, _, err = sonant("speaker", "calibrate", "--model", bundle, *data)
    assert code == 0, err
    file = voice_clips.of(clips, 0)
    code, out, _ = sonant("speaker", "verify", file, file, "--model", bundle, "--json")
    assert (code, json.loads(out)["decision"]) == (0, "same")


def test_a_bundle_of_speakers_is_evaluated_on_trials(
    sonant: Run, parts: list[Path], clips: Manifest, tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    data = ("--data", clips.root, "--split", "all", "--rounds", 5)
    code, out, err = sonant("evaluate", parts[0], *data, "--report", page)
    assert code == 0, err
    for shown in ("EER", "minCllr", "By speech", "one session", "voices/1 on spoken, by cosine"):
        assert shown in out + err
    assert "Uncalibrated" in err
    assert "trials of the same speaker" in err
    assert page.is_file()
    table = page.with_name("page.trials.csv")
    code, out, _ = sonant(
        "evaluate", parts[1], "--data", clips.root, "--trials", table, "--rounds", 5, "--json"
    )
    found = json.loads(out)
    assert code == 0
    assert found["bundle"] == "others/1"
    assert found["trials"]["sha256"] == table.with_name(f"{table.name}.sha256").read_text()[:64]


def test_options_of_another_task_are_refused(
    sonant: Run, parts: list[Path], clips: Manifest, tiny_bundle: Path
) -> None:
    code, _, err = sonant("evaluate", parts[0], "--data", clips.root, "--stream")
    assert code == 1
    assert "--stream: is about keywords" in err
    code, _, err = sonant("evaluate", tiny_bundle, "--score", "plda")
    assert code == 1
    assert "--score: is about speakers" in err
    code, _, err = sonant("evaluate", parts[0])
    assert code == 1
    assert "name clips with speakers by --data, or trials by --trials" in err


def test_one_bundle_cannot_be_fused(sonant: Run, parts: list[Path], tmp_path: Path) -> None:
    code, _, err = sonant("speaker", "fuse", parts[0], "--weights", "equal", "--out", tmp_path)
    assert code == 1
    assert "takes two speaker bundles or more" in err
