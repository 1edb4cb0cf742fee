"""`sonant review`: clips are listed, or asked about key by key."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import typer

from sonant import reviewing
from sonant.cli import console
from sonant.cli import review as verb
from sonant.errors import MissingExtra
from sonant.manifest import Manifest
from tone_data import write_long

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def sonant(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the verb by itself; returns exit code, stdout, stderr."""
    app = typer.Typer()
    app.command()(verb.review)

    def run(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            app([str(argument) for argument in arguments])
        shown = capsys.readouterr()
        return int(left.value.code or 0), shown.out, shown.err

    return run


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    words = ("_silence_", "high", "_silence_", "low", "_silence_", "mid", "_silence_")
    return write_long(tmp_path / "long" / "day.flac", words)


@pytest.fixture
def at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Somebody who presses keys."""
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr(console.say, "_force_terminal", True)

    def press(keys: str) -> None:
        left = iter(keys)
        monkeypatch.setattr(typer, "getchar", lambda: next(left))

    return press


def test_off_a_terminal_clips_are_only_listed(
    sonant: Run, stream_bundle: Path, recording: Path, tmp_path: Path
) -> None:
    code, out, err = sonant(stream_bundle, recording, "--out", tmp_path / "r.csv")
    assert code == 0
    assert [word for word in ("high", "low", "mid") if word in out] == ["high", "low", "mid"]
    assert len(list((tmp_path / "r_clips").glob("*.wav"))) == 3
    assert not (tmp_path / "r.csv").exists()
    assert f"next: sonant train --from {stream_bundle} --data {tmp_path / 'r.csv'}" in err


def test_json_is_one_object_a_clip(
    sonant: Run, stream_bundle: Path, recording: Path, tmp_path: Path
) -> None:
    table = tmp_path / "said.csv"
    table.write_text(
        "path,label,start,end\nlong/day.flac,high,0.5,1.0\nlong/day.flac,low,1.5,2.0\n"
    )
    _, out, _ = sonant(
        stream_bundle, recording, "--json", "--labels", table, "--out", tmp_path / "r.csv"
    )
    (found,) = [json.loads(line) for line in out.splitlines()]
    assert (found["kind"], found["label"]) == ("false alarm", "mid")
    assert Path(found["clip"]).is_file()


def test_keys_name_clips_and_the_next_time_goes_on_behind_them(
    sonant: Run,
    stream_bundle: Path,
    recording: Path,
    tmp_path: Path,
    at_a_terminal: Callable[[str], None],
) -> None:
    out = tmp_path / "r.csv"
    at_a_terminal("x1q")  # x means nothing
    code, _, err = sonant(stream_bundle, recording, "--out", out)
    assert code == 0
    assert "1/3  event: high" in err
    assert "1 rows in" in err
    at_a_terminal(" u")
    _, _, err = sonant(stream_bundle, recording, "--out", out)
    assert "1/2  event: low" in err
    assert [row.label for row in Manifest.load(out)] == ["high", "_unknown_"]


def test_a_clip_is_played_when_asked_and_a_missing_player_is_no_end(
    sonant: Run,
    stream_bundle: Path,
    recording: Path,
    tmp_path: Path,
    at_a_terminal: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    played: list[Path] = []

    def play(clip: Path) -> None:
        played.append(clip)
        if len(played) == 2:
            raise MissingExtra("sounddevice", extra="mic", purpose="playing a clip")

    monkeypatch.setattr(reviewing, "play", play)
    at_a_terminal("pps q")
    code, _, err = sonant(stream_bundle, recording, "--out", tmp_path / "r.csv")
    assert code == 0
    assert len(played) == 2
    assert "sounddevice" in err
    assert [row.label for row in Manifest.load(tmp_path / "r.csv")] == ["_silence_"]


def test_list_asks_nothing_at_a_terminal_either(
    sonant: Run,
    stream_bundle: Path,
    recording: Path,
    tmp_path: Path,
    at_a_terminal: Callable[[str], None],
) -> None:
    at_a_terminal("")
    code, out, _ = sonant(stream_bundle, recording, "--list", "--out", tmp_path / "r.csv")
    assert code == 0
    assert "day.flac" in out


def test_ctrl_c_keeps_what_was_answered(
    sonant: Run,
    stream_bundle: Path,
    recording: Path,
    tmp_path: Path,
    at_a_terminal: Callable[[str], None],
) -> None:
    at_a_terminal("2\x03")
    code, _, _ = sonant(stream_bundle, recording, "--out", tmp_path / "r.csv")
    assert code == 130
    assert [row.label for row in Manifest.load(tmp_path / "r.csv")] == ["low"]
