"""`sonant speaker listen`: lines on stdout while somebody speaks, everything else on stderr."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from bundles import RATE_HZ
from serving.voiced import clip, loud_is_speech, wav, write_calibrated
from sonant import audio, cli
from sonant.audio import to_pcm16
from sonant.speakers import gates
from voice_bundle import write_voices

Run = Callable[..., tuple[int, str, str]]
QUIET = np.zeros(RATE_HZ * 3 // 2, np.float32)
TALK = np.concatenate([clip("ann", seconds=2.0, seed=5), QUIET, clip("bob", seconds=1.0, seed=5)])


@pytest.fixture
def sonant(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Run:
    """Run the command line in this process; returns exit code, stdout, stderr."""
    monkeypatch.setattr(gates, "measure", loud_is_speech)
    monkeypatch.setenv("SONANT_SPEAKERS", str(tmp_path / "speakers.db"))

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["sonant", "speaker", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            cli.main()
        shown = capsys.readouterr()
        return int(left.value.code or 0), shown.out, shown.err

    return run


@pytest.fixture
def ann(sonant: Run, tmp_path: Path) -> Path:
    """A calibrated bundle, with which Ann is enrolled."""
    bundle = write_calibrated(tmp_path)
    (tmp_path / "ann.wav").write_bytes(wav(clip("ann")))
    code, _, err = sonant("enroll", "Ann", tmp_path / "ann.wav", "--model", bundle)
    assert code == 0, err
    return bundle


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    path = tmp_path / "talk.wav"
    path.write_bytes(wav(TALK))
    return path


def test_lines_name_who_speaks_with_the_evidence(sonant: Run, ann: Path, talk: Path) -> None:
    code, out, err = sonant("listen", talk, "--model", ann)
    assert code == 0, err
    lines = out.splitlines()
    assert lines[0].split()[:2] == ["0.50", "s"]
    assert "LLR" in lines[0]
    assert lines[0].endswith("Ann")
    assert [line for line in lines if line.endswith(", over")] == [
        next(line for line in lines if line.endswith("Ann, over")),
        lines[-1],
    ]
    assert lines[-1].endswith("nobody known (nearest Ann), over")
    assert "4.5 s heard" in err


def test_one_answer_an_utterance_as_json(sonant: Run, ann: Path, talk: Path) -> None:
    code, out, _ = sonant("listen", talk, "--model", ann, "--last-only", "--json", "--every", 0.25)
    found = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [(one["decision"], one["name"]) for one in found] == [
        ("known", "Ann"),
        ("nobody known", None),
    ]
    assert found[0]["llr"] > 0 > found[1]["llr"]


def test_a_pipe_does_as_well(
    sonant: Run, ann: Path, talk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, wanted, _ = sonant("listen", talk, "--model", ann, "--json")
    data = to_pcm16(audio.read(talk).samples).astype("<i2").tobytes()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))
    code, out, _ = sonant("listen", "-", "--model", ann, "--json")
    assert code == 0
    assert out == wanted


def test_an_uncalibrated_bundle_says_so_and_how_to_go_on(
    sonant: Run, talk: Path, tmp_path: Path
) -> None:
    bundle = write_voices(tmp_path / "plain")
    (tmp_path / "ann.wav").write_bytes(wav(clip("ann")))
    sonant("enroll", "Ann", tmp_path / "ann.wav", "--model", bundle)
    code, out, err = sonant("listen", talk, "--model", bundle)
    assert code == 0
    assert "uncalibrated" in out
    assert f"sonant speaker calibrate --model {bundle}" in err


def test_without_a_store_it_says_what_to_do(sonant: Run, talk: Path, tmp_path: Path) -> None:
    code, out, err = sonant("listen", talk, "--model", write_calibrated(tmp_path))
    assert (code, out) == (1, "")
    assert "no such store; enrol somebody first" in err
