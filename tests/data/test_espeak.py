from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sonant.data import espeak
from sonant.data.espeak import ACCENTS, VARIANTS, Espeak, request_of
from sonant.data.espeak_process import EspeakProcess
from sonant.data.synth import SynthConfig, make
from sonant.data.voices import Utterance, Voice, hastened
from sonant.errors import AudioError, ManifestError, MissingExtra

VOICE = Voice(timbre=3, accent=0.0, height=0.5, tract=1.0, speed=1.0, melody=0.5, breath=0.0)
WORDS = ("yes", "stop", "up")


def utterances(*words: str, voice: Voice = VOICE) -> list[Utterance]:
    return [Utterance(word=word, voice=voice, seed=7) for word in words]


def spoken(engine: Espeak, lines: list[Utterance]) -> list[bytes]:
    return [clip.samples.tobytes() for clip in engine.speak(lines)]


@pytest.fixture
def engine(tmp_path: Path) -> Espeak:
    try:
        return Espeak(cache=tmp_path / "speech", processes=2)
    except MissingExtra as error:
        pytest.skip(f"{error}")


def worker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *lines: str) -> Path:
    """Put a program of our own in the place of the one that speaks; it has said hello."""
    program = tmp_path / "worker.py"
    hello = r'{"rate_hz": 22050, "version": "9"}'
    start = f"import os, sys, time\nhello = {hello!r}.encode()\nout = sys.stdout.buffer\n"
    greet = "out.write(b'H' + len(hello).to_bytes(4, 'big') + hello); out.flush()\n"
    program.write_text(start + greet + "\n".join(lines))
    monkeypatch.setattr("sonant.data.espeak_process.WORKER", program)
    library = tmp_path / "library"
    library.touch()
    monkeypatch.setattr(
        espeak, "find", lambda: espeak.Library(path=library, data=tmp_path, version="0")
    )
    return tmp_path / "speech"


# -- with espeak-ng ---------------------------------------------------------------------------------


def test_words_come_in_order_and_sound_like_something(engine: Espeak) -> None:
    clips = list(engine.speak(utterances(*WORDS)))
    assert len(clips) == 3
    for clip in clips:
        assert clip.rate_hz == 22050
        assert 0.2 < clip.duration_s < 2.0
        assert 0.05 < np.abs(clip.samples).max() < 0.999
    assert clips[0].samples.tobytes() == spoken(engine, utterances("yes"))[0]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="without fork espeak-ng does not repeat itself")
def test_a_word_is_the_same_to_the_bit_whatever_was_said_before(
    tmp_path: Path, engine: Espeak
) -> None:
    # Flutter, breath, echo and noise are what espeak-ng carries from word to word.
    lines = [
        line
        for name in ("f3", "klatt2", "grandpa", "victor")
        for line in utterances(*WORDS, voice=replace(VOICE, timbre=VARIANTS.index(name)))
    ]
    again = Espeak(cache=tmp_path / "other", processes=1)
    assert spoken(engine, lines) == spoken(again, lines[::-1])[::-1]


def test_a_kept_word_is_not_spoken_again(
    engine: Espeak, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = spoken(engine, utterances("yes"))
    refuse = lambda self, request: pytest.fail("spoken again")  # noqa: E731
    monkeypatch.setattr("sonant.data.espeak_process.EspeakProcess.say", refuse)
    assert spoken(engine, utterances("yes")) == first


def test_a_damaged_kept_word_is_spoken_again(engine: Espeak, tmp_path: Path) -> None:
    first = spoken(engine, utterances("yes"))
    (kept,) = (tmp_path / "speech").rglob("*.wav")
    kept.write_bytes(b"damaged")
    assert spoken(engine, utterances("yes")) == first
    assert kept.stat().st_size > 1000


def test_voices_accents_pitch_speed_and_tract_are_heard(engine: Espeak) -> None:
    changed = [
        replace(VOICE, timbre=9),
        replace(VOICE, accent=0.6),
        replace(VOICE, height=0.9),
        replace(VOICE, speed=0.8),
    ]
    lines = utterances("go") + [line for v in changed for line in utterances("go", voice=v)]
    assert len(set(spoken(engine, lines))) == 5
    (shorter,) = engine.speak(utterances("go", voice=replace(VOICE, tract=1.1)))
    assert shorter.rate_hz == round(1.1 * 22050)


@pytest.mark.parametrize("number", range(len(ACCENTS)))
def test_every_accent_is_known_to_the_library(engine: Espeak, number: int) -> None:
    voice = replace(VOICE, accent=(number + 0.5) / len(ACCENTS))
    assert len(spoken(engine, utterances("up", voice=voice))) == 1


def test_every_voice_is_known_to_the_library(engine: Espeak) -> None:
    voices = [replace(VOICE, timbre=number) for number in range(len(VARIANTS))]
    lines = [line for voice in voices for line in utterances("up", voice=voice)]
    assert len(spoken(engine, lines)) == len(VARIANTS) > 70


def test_an_unknown_voice_is_an_error_and_not_the_plain_voice(
    engine: Espeak, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(espeak, "VARIANTS", ("nobody",))
    with pytest.raises(AudioError, match=r"no voice 'en-us\+nobody'"):
        spoken(engine, utterances("up"))


def test_words_of_other_alphabets_and_with_blanks_are_said(engine: Espeak) -> None:
    assert len(spoken(engine, utterances("turn_left", "über", "да"))) == 3


def test_the_library_is_never_loaded_into_this_process(engine: Espeak) -> None:
    spoken(engine, utterances("yes"))
    maps = Path("/proc/self/maps")
    if not maps.exists():
        pytest.skip("this system does not tell which libraries a process has loaded")
    assert "espeak" not in maps.read_text()


def test_a_corpus_is_reproduced_to_the_bit(engine: Espeak, tmp_path: Path) -> None:
    config = SynthConfig(words=("yes", "go"), speakers=4, takes=1)
    one, two = (
        make(tmp_path / name, config, engine="espeak", cache=tmp_path / "kept") for name in "ab"
    )
    pairs = list(zip(one, two, strict=True))
    assert len(pairs) == 8
    assert all(a.path.read_bytes() == b.path.read_bytes() for a, b in pairs)


# -- without it -------------------------------------------------------------------------------------


def test_a_missing_wheel_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(MissingExtra, match=r"pip install 'sonant\[synth\]'") as caught:
        espeak.find()
    assert caught.value.extra == "synth"


def test_a_dead_process_is_reported_with_its_last_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cache = worker(
        monkeypatch,
        tmp_path,
        "sys.stdin.readline()",
        "sys.stderr.write('out of breath')",
        "sys.exit(3)",
    )
    with pytest.raises(AudioError, match=r"ended with 3 when saying 'go' as .*: out of breath"):
        spoken(Espeak(cache=cache, processes=1), utterances("go"))


def test_a_hung_process_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    worker(monkeypatch, tmp_path, "time.sleep(600)")
    with EspeakProcess(tmp_path, tmp_path) as process:
        process._timeout_s = 0.2
        with pytest.raises(AudioError, match=r"did not answer within 0\.2 s when saying 'go'"):
            process.say(request_of(utterances("go")[0]))


def test_a_refusal_is_passed_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    refuse = "sys.stdin.readline(); out.write(b'E\\0\\0\\0\\4nope'); out.flush()"
    cache = worker(monkeypatch, tmp_path, refuse, "sys.stdin.readline()")
    with pytest.raises(AudioError, match=r"failed when saying 'go' as en-us.*: nope"):
        spoken(Espeak(cache=cache, processes=1), utterances("go"))


def test_silence_is_no_word(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    silence = "sys.stdin.readline(); out.write(b'P\\0\\0\\0\\4\\0\\0\\0\\0'); out.flush()"
    cache = worker(monkeypatch, tmp_path, silence, "sys.stdin.readline()")
    with pytest.raises(AudioError, match="made no sound when saying 'go'"):
        spoken(Espeak(cache=cache, processes=1), utterances("go"))


def test_requests_are_in_the_units_of_espeak() -> None:
    utterance = Utterance(word="turn_left", voice=VOICE, ending="?", seed=5)
    assert request_of(utterance) == {
        "text": "turn left?",
        "voice": f"en-us+{VARIANTS[3]}",
        "pitch": 50,
        "range": 50,
        "rate": 160,
        "seed": 5,
    }
    assert request_of(hastened(utterance, 1.5))["rate"] == 240
    assert request_of(hastened(utterance, 100.0))["rate"] == 450


def test_a_word_without_letters_cannot_be_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    engine = Espeak(cache=worker(monkeypatch, tmp_path, "sys.stdin.readline()"))
    engine.check(["go", "7"])
    with pytest.raises(ManifestError, match=r"'!!' has nothing in it"):
        engine.check(["go", "!!"])


@pytest.fixture(autouse=True)
def _all_processes_end(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever happened in a test, no process may outlive it."""
    started: list[EspeakProcess] = []
    original = EspeakProcess.__init__

    def note(self: EspeakProcess, *args: object, **named: object) -> None:
        started.append(self)
        original(self, *args, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(EspeakProcess, "__init__", note)
    yield
    assert all(process._process.poll() is not None for process in started)
