from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sonant.audio import Samples
from sonant.data.formant import RATE_HZ, Formant, synthesise
from sonant.data.phonemes import PHONEMES, PRONUNCIATIONS
from sonant.data.voices import Utterance, Voice, hastened
from sonant.errors import ManifestError

VOICE = Voice(timbre=1, accent=0.0, height=0.3, tract=1.0, speed=1.0, melody=0.3, breath=0.1)


def say(word: str, *, voice: Voice = VOICE, ending: str = "", seed: int = 1) -> Samples:
    return synthesise(Utterance(word=word, voice=voice, ending=ending, seed=seed)).samples


def voice(**changes: float) -> Voice:
    return replace(VOICE, **changes)  # type: ignore[arg-type]


def centre_hz(samples: Samples, start: float, stop: float) -> float:
    """Centre of gravity of the spectrum of a part, given as shares of the whole."""
    part = samples[int(start * len(samples)) : int(stop * len(samples))]
    power = np.abs(np.fft.rfft(part * np.hanning(len(part)))) ** 2
    return float(np.fft.rfftfreq(len(part), 1 / RATE_HZ) @ power / power.sum())


def pitch_hz(samples: Samples, start: float, stop: float) -> float:
    """By the highest peak of the autocorrelation between 60 and 400 Hz."""
    part = samples[int(start * len(samples)) : int(stop * len(samples))].astype(np.float64)
    same = np.correlate(part, part, "full")[len(part) - 1 :]
    shortest, longest = RATE_HZ // 400, RATE_HZ // 60
    return RATE_HZ / (shortest + int(np.argmax(same[shortest:longest])))


@pytest.mark.parametrize("word", sorted(PRONUNCIATIONS))
def test_every_word_of_the_dictionary_is_said(word: str) -> None:
    samples = say(word)
    assert np.isfinite(samples).all()
    assert 0.2 < len(samples) / RATE_HZ < 1.0
    assert np.abs(samples).max() == pytest.approx(0.3)
    edges = np.concatenate([samples[:160], samples[-160:]])
    assert np.abs(edges).max() < 0.01, "the word is cut off"


def test_the_dictionary_holds_the_default_words_and_uses_known_sounds() -> None:
    assert {"down", "go", "left", "no", "right", "stop", "up", "yes"} <= set(PRONUNCIATIONS)
    assert {sound for text in PRONUNCIATIONS.values() for sound in text.split()} <= set(PHONEMES)


def test_the_same_utterance_is_the_same_to_the_bit() -> None:
    assert say("stop").tobytes() == say("stop").tobytes()
    assert say("stop").tobytes() != say("stop", seed=2).tobytes()
    assert say("stop").tobytes() != say("stop", voice=voice(timbre=2)).tobytes()


def test_s_hisses_high_and_vowels_sound_low() -> None:
    yes = say("yes")
    assert centre_hz(yes, 0.75, 0.9) > 4500
    assert centre_hz(yes, 0.25, 0.5) < 2000


def test_a_high_voice_has_a_high_pitch() -> None:
    low, high = (pitch_hz(say("no", voice=voice(height=h)), 0.5, 0.8) for h in (0.0, 1.0))
    assert 70 < low < 100
    assert 200 < high < 300


def test_a_question_rises_at_the_end() -> None:
    question, order = (pitch_hz(say("no", ending=mark), 0.65, 0.9) for mark in "?!")
    assert question > 1.1 * order


def test_a_short_vocal_tract_sounds_brighter() -> None:
    long, short = (centre_hz(say("no", voice=voice(tract=t)), 0.4, 0.8) for t in (0.85, 1.2))
    assert short > 1.1 * long


def test_a_breathy_voice_has_more_noise_above_the_formants() -> None:
    def high_share(breath: float) -> float:
        power = np.abs(np.fft.rfft(say("no", voice=voice(breath=breath)))) ** 2
        return float(power[len(power) * 5 // 8 :].sum() / power.sum())

    assert high_share(1.0) > 2 * high_share(0.0)


def test_faster_is_shorter() -> None:
    slow = Utterance(word="follow", voice=VOICE, seed=1)
    ratio = len(synthesise(slow).samples) / len(synthesise(hastened(slow, 1.5)).samples)
    assert 1.2 < ratio < 1.5


def test_an_unknown_word_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(
        ManifestError, match=r"cannot say xylophone; it knows backward, .*zero\. espeak"
    ):
        Formant().check(["go", "xylophone"])
    with pytest.raises(ManifestError):
        next(Formant().speak([Utterance(word="xylophone", voice=VOICE)]))


def test_clips_come_in_order() -> None:
    utterances = [Utterance(word=word, voice=VOICE, seed=1) for word in ("go", "stop")]
    clips = list(Formant().speak(utterances))
    assert [clip.rate_hz for clip in clips] == [RATE_HZ, RATE_HZ]
    assert clips[1].samples.tobytes() == say("stop").tobytes()
