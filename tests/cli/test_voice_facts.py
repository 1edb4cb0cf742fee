"""What `sonant describe` says of converters and vocoders, and `sonant export` of what it cannot do."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from converters import MEL, write_converter, write_vocoder
from sonant.card import Card, StateSpec, StreamSpec
from sonant.cli import main, voice_facts
from sonant.conversion.nesting import nest

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def sonant(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command; returns exit code, stdout and stderr, each in one line."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["sonant", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        shown = capsys.readouterr()
        return int(left.value.code or 0), " ".join(shown.out.split()), " ".join(shown.err.split())

    return run


def test_a_converter_says_what_it_hears_and_who_makes_the_sound(
    tmp_path: Path, sonant: Run
) -> None:
    bundle = write_converter(tmp_path)
    code, text, told = sonant("describe", bundle)
    assert not code
    assert "a mel spectrogram: what a source says, in a target's voice" in text
    assert f"{MEL.mels} filters" in text
    assert "graphs/whole.onnx, gives mel" in text
    assert "none inside: Griffin-Lim" in text
    assert "labels" not in text
    assert f"sonant convert {bundle} --source A.wav" in told


def test_a_vocoder_inside_is_named(tmp_path: Path, sonant: Run) -> None:
    made = nest(Card.read(write_converter(tmp_path)), Card.read(write_vocoder(tmp_path)))
    inner = Card.read(made / "vocoder")
    assert (
        f"inside: buzz, version 1, {inner.model.parameters:,} parameters"
        in (sonant("describe", made)[1])
    )
    found = json.loads(sonant("describe", made, "--json")[1])
    assert found["vocoder"]["name"] == "buzz"
    assert set(found["graphs"]) == {"convert", "vocoder"}
    assert found["mel"]["mels"] == MEL.mels


def test_a_vocoder_says_what_it_makes_and_that_it_has_no_steps(tmp_path: Path, sonant: Run) -> None:
    bundle = write_vocoder(tmp_path)
    _, text, told = sonant("describe", bundle)
    assert "speech, from its mel spectrogram" in text
    assert "written without a graph of steps" in text
    assert f"--vocoder {bundle}" in told
    found = json.loads(sonant("describe", bundle, "--json")[1])
    assert (found["task"], found["vocoder"], found["stream"]) == ("vocoding", None, None)


def test_a_vocoder_that_streams_says_how_late_it_sounds(tmp_path: Path) -> None:
    card = Card.read(write_vocoder(tmp_path))
    state = StateSpec(name="state.0", next="state.0.next", shape=(3, 5))
    stream = StreamSpec(hop=128, delay=5 * 128, warm_up=2048, macs_per_second=1.0, states=(state,))
    steps = replace(card.graphs["vocoder"], stream=stream)
    found = dict(
        voice_facts.latency(replace(card, graphs={**card.graphs, "vocoder_stream": steps}))
    )
    rate_hz = card.audio.rate_hz
    assert found["delay"] == f"5 frames, {1000 * 640 / rate_hz:g} ms"
    assert found["state"] == "60 bytes in 1 tensors"


@pytest.mark.parametrize("more", [(), ("--mode", "stream"), ("--target", "esphome")])
def test_other_forms_of_what_makes_speech_are_refused_in_a_sentence(
    tmp_path: Path, sonant: Run, more: tuple[str, ...]
) -> None:
    code, _, told = sonant("export", write_vocoder(tmp_path), *more)
    assert code
    assert "is of vocoding, and other forms are made of models of words" in told
    assert "graphs/whole.onnx" in told
