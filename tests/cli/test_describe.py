"""`sonant describe` says what a bundle is, what it costs, and how far behind the sound it answers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sonant.card import Card
from sonant.card.revision import revise
from sonant.cli import main
from voice_bundle import write_voices

POINT = {
    "decision": {"threshold": 0.875, "thresholds": [["high", 0.5]]},
    "false_alarms_per_hour": {"per_hour": 1.5, "interval": [0.5, 4.25], "on": "long recordings"},
    "false_rejects": {"share": 0.25, "interval": [0.125, 0.5], "on": "clips at 10 dB SNR"},
}


def described(
    bundle: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *more: str
) -> str:
    monkeypatch.setattr("sys.argv", ["sonant", "describe", str(bundle), *more])
    with pytest.raises(SystemExit) as left:
        main()
    assert not left.value.code
    return capsys.readouterr().out


def test_a_bundle_for_whole_clips_says_that_it_does_not_stream(
    tiny_bundle: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = described(tiny_bundle, capsys, monkeypatch)
    assert "needs the whole clip" in " ".join(text.split())
    found = json.loads(described(tiny_bundle, capsys, monkeypatch, "--json"))
    assert found["stream"] is None
    assert found["labels"] == ["high", "low", "mid"]


def test_a_stream_says_its_hop_delay_and_state(
    stream_bundle: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = Card.read(stream_bundle).graphs["stream"].stream
    assert spec is not None
    text = described(stream_bundle, capsys, monkeypatch)
    assert f"{spec.hop:,} samples" in text
    assert f"{spec.bytes:,} bytes in {len(spec.states)} tensors" in text
    found = json.loads(described(stream_bundle, capsys, monkeypatch, "--json"))
    assert found["stream"]["delay"] == spec.delay
    assert found["stream"]["state_bytes"] == spec.bytes


def test_an_operating_point_is_told_with_its_intervals(
    tiny_bundle: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = revise(Card.read(tiny_bundle), files={}, changes={"operating_point": POINT})
    text = " ".join(described(folder, capsys, monkeypatch).split())
    assert "0.875, high 0.5" in text
    assert "1.5 an hour (0.5 to 4.25), long recordings" in text
    assert "25 % (12.5 to 50), clips at 10 dB SNR" in text


def test_a_bundle_of_voices_says_what_it_is_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = " ".join(described(write_voices(tmp_path), capsys, monkeypatch).split())
    assert "embeddings of voices" in text
    assert "of any length" in text
    assert "threshold" not in text
