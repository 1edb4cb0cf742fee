"""`sonant listen`: lines on stdout, everything else on stderr."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import soundfile
import typer
from typer.testing import CliRunner

from bundles import RATE_HZ
from sonant.audio import to_pcm16
from sonant.cli import console
from sonant.cli.listen import Meter, listen
from sonant.listening import Frames, Listener
from tone_stream import LABELS, spoken, whole

Run = Callable[..., tuple[int, str, str]]
SOUND = spoken("_silence_", "high", "_silence_", "low", "_silence_", seconds=0.6)


@pytest.fixture
def sonant(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the verb by itself; returns exit code, stdout, stderr."""
    app = typer.Typer()
    app.command()(listen)

    def run(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            app([str(argument) for argument in arguments])
        shown = capsys.readouterr()
        return int(left.value.code or 0), shown.out, shown.err

    return run


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("listen") / "a.flac"
    soundfile.write(path, SOUND, RATE_HZ)
    return path


def test_events_are_lines_with_their_time(
    sonant: Run, stream_bundle: Path, recording: Path
) -> None:
    code, out, err = sonant(stream_bundle, recording)
    assert code == 0
    lines = [line.split() for line in out.splitlines()]
    assert [(line[1], line[2]) for line in lines] == [("s", "high"), ("s", "low")]
    assert 0.6 < float(lines[0][0]) < 0.8
    assert "3.0 s heard, 2 events: high 1, low 1" in err
    assert "no operating point in this bundle: the threshold is 0.5" in err
    assert "next: sonant describe" in err


def test_events_can_be_json(sonant: Run, stream_bundle: Path, recording: Path) -> None:
    code, out, err = sonant(stream_bundle, recording, "--json", "--threshold", 0.8)
    found = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [event["label"] for event in found] == ["high", "low"]
    assert set(found[0]) == {"label", "time_s", "start_s", "end_s", "peak_s", "score"}
    assert min(event["score"] for event in found) >= 0.8
    assert "no operating point" not in err


def test_every_frame_can_be_printed(sonant: Run, stream_bundle: Path, recording: Path) -> None:
    _, out, _ = sonant(stream_bundle, recording, "--json", "--every-frame")
    found = [json.loads(line) for line in out.splitlines()]
    frames = [row for row in found if "probabilities" in row]
    assert len(frames) == len(SOUND) // 160 + 1
    assert [row["time_s"] for row in frames[:3]] == [0.005, 0.015, 0.025]
    wanted = whole(SOUND)[100]
    assert list(frames[100]["probabilities"]) == list(LABELS)
    assert list(frames[100]["probabilities"].values()) == pytest.approx(wanted, abs=1e-3)
    assert len(found) - len(frames) == 2


def test_stdin_is_bare_samples_or_wav(
    sonant: Run, stream_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wav = io.BytesIO()
    soundfile.write(wav, to_pcm16(SOUND), RATE_HZ, format="WAV")
    wanted = None
    for data in (to_pcm16(SOUND).tobytes(), wav.getvalue()):
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))
        _, out, err = sonant(stream_bundle, "-", "--json")
        assert len(out.splitlines()) == 2
        assert "3.0 s heard" in err
        wanted = wanted or out
        assert out == wanted


def test_bare_samples_may_have_another_rate(
    sonant: Run, stream_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = to_pcm16(SOUND[::2]).tobytes()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))
    _, _, err = sonant(stream_bundle, "-", "--rate", RATE_HZ // 2)
    assert "3.0 s heard" in err


def test_a_terminal_gets_a_meter_and_a_pipe_none(
    sonant: Run, stream_bundle: Path, recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(console.say, "_force_terminal", True)
    monkeypatch.setattr(console.say, "is_interactive", True)
    _, out, err = sonant(stream_bundle, recording, "--json")
    assert "dB |" in err
    # Events go where stdout goes, and never into the meter.
    assert len([json.loads(line) for line in out.splitlines()]) == 2


def test_the_meter_shows_level_and_score(stream_bundle: Path) -> None:
    meter = Meter(None, Listener.load(stream_bundle))
    answers = whole(spoken("high"))
    frames = Frames(first_s=0.0, hop_s=0.01, probabilities=answers, level_db=-30.0, heard_s=0.3)
    line = meter.line(frames)
    assert "0.3 s" in line
    assert "-30.0 dB |" + "█" * 12 + " " * 12 + "|" in line
    assert line.endswith(" high")


def test_all_this_works_where_torch_cannot_be_imported(
    stream_bundle: Path, recording: Path
) -> None:
    program = (
        "import sys; sys.modules['torch'] = None\nimport typer\n"
        "from sonant.cli.listen import listen\n"
        "app = typer.Typer(); app.command()(listen)\n"
        f"app([{str(stream_bundle)!r}, {str(recording)!r}])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 2


def test_help_names_what_can_be_heard() -> None:
    app = typer.Typer()
    app.command()(listen)
    shown = CliRunner().invoke(app, ["--help"]).output
    assert "stdin" in shown
    assert "--threshold" in shown
