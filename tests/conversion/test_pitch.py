"""The melody of a voice, and a clip moved to another's."""

from __future__ import annotations

import numpy as np
import pytest

from bundles import RATE_HZ
from converters import voice
from sonant.audio import Clip
from sonant.conversion import pitch
from sonant.conversion.pitch import Contour

LOW, HIGH = (Clip(voice(hz, seconds=1.5, seed=3), RATE_HZ) for hz in (110.0, 200.0))
SILENCE = Clip(np.zeros(RATE_HZ, np.float32), RATE_HZ)


@pytest.mark.parametrize(("clip", "hz"), [(LOW, 110.0), (HIGH, 200.0)])
def test_the_fundamental_is_followed(clip: Clip, hz: float) -> None:
    found = pitch.track(clip)
    assert found.mean_hz == pytest.approx(hz, rel=0.04)
    # Only syllables are voiced.
    assert 0.3 < (found.hz > 0).mean() < 0.9


def test_silence_has_no_melody() -> None:
    found = pitch.track(SILENCE)
    assert found.mean_hz is None
    assert pitch.correlation(found, pitch.track(LOW)) is None


def test_a_melody_goes_with_itself_an_octave_higher_but_not_with_its_mirror() -> None:
    logs = np.sin(np.linspace(0, 9, 200))
    one = Contour(hz=100 * np.exp(0.2 * logs))
    assert pitch.correlation(one, Contour(hz=200 * np.exp(0.1 * logs))) == pytest.approx(1.0)
    assert pitch.correlation(one, Contour(hz=200 * np.exp(-0.1 * logs))) == pytest.approx(-1.0)
    assert pitch.correlation(one, Contour(hz=np.full(200, 100.0))) is None


def test_a_clip_takes_the_mean_and_spread_of_another() -> None:
    made = pitch.moved(LOW, to=[HIGH])
    assert (made.rate_hz, made.samples.shape) == (LOW.rate_hz, LOW.samples.shape)
    assert made.samples.dtype == np.float32
    has, wanted = pitch.track(made), pitch.track(HIGH)
    assert has.mean_hz == pytest.approx(wanted.mean_hz, rel=0.03)
    assert has.voiced.std() == pytest.approx(wanted.voiced.std(), rel=0.4)
    again = pitch.correlation(has, pitch.track(LOW))
    assert again is not None
    assert again > 0.8


@pytest.mark.parametrize(("clip", "to"), [(SILENCE, HIGH), (LOW, SILENCE)])
def test_without_a_voice_nothing_is_moved(clip: Clip, to: Clip) -> None:
    assert pitch.moved(clip, to=[to]) is clip
