"""What is measured of a conversion."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bundles import RATE_HZ, tone, write_bundle
from converters import MEL, voice
from sonant.audio import Clip
from sonant.converting.judging import Judge
from sonant.runtime.recogniser import Recogniser
from sonant.speakers.deciding import Deciding
from sonant.speakers.gates import Gate
from sonant.speakers.model import SpeakerModel
from sonant.verification.calibration import Calibration
from voice_bundle import write_voices

LOW, HIGH = (Clip(voice(hz, seed=2), RATE_HZ) for hz in (110.0, 220.0))


@pytest.fixture(scope="module")
def speakers(tmp_path_factory: pytest.TempPathFactory) -> SpeakerModel:
    """Decides by a cosine of 0.99 or so, whatever the clip."""
    calibration = Calibration(slope=2000.0, offset=-1998.0, prior=0.5, same=100, different=100)
    deciding = Deciding(calibration=calibration, gate=Gate(speech_s=0.0, snr_db=-100.0))
    return SpeakerModel.load(
        write_voices(tmp_path_factory.mktemp("voices")), deciding=deciding, threads=1
    )


def test_whose_voice_it_is(speakers: SpeakerModel) -> None:
    judge = Judge(mel=MEL, speakers=speakers, melody=False)
    source, target = judge.known(LOW), judge.known(Clip(np.float32(0.2) * HIGH.samples, RATE_HZ))
    found = judge.scores(target.clip, source=source, target=target)
    assert found["cosine_target"] == pytest.approx(1.0)
    assert found["cosine_source"] == pytest.approx(found["cosine_unconverted"])
    assert found["accepted"] is True
    assert set(found) == {
        "cosine_target",
        "cosine_source",
        "cosine_unconverted",
        "accepted",
        "accepted_unconverted",
    }


def test_how_the_melody_moved() -> None:
    judge = Judge(mel=MEL)
    source, target = judge.known(LOW), judge.known(HIGH)
    found = judge.scores(LOW, source=source, target=target)
    assert found["f0_correlation"] == pytest.approx(1.0)
    assert found["f0_converted_hz"] == found["f0_source_hz"] == pytest.approx(110.0, rel=0.05)
    assert found["f0_target_hz"] == pytest.approx(220.0, rel=0.05)


def test_whether_the_word_is_still_there(tmp_path: Path) -> None:
    judge = Judge(
        mel=MEL, recogniser=Recogniser.load(write_bundle(tmp_path), threads=1), melody=False
    )
    low, high = (judge.known(Clip(tone(label), RATE_HZ)) for label in ("low", "high"))
    found = judge.scores(high.clip, source=low, target=high)
    assert found == {"heard": "high", "heard_unconverted": "low"}


def test_how_far_it_is_from_the_targets_own_sentence() -> None:
    judge = Judge(mel=MEL, melody=False)
    source, target = judge.known(LOW), judge.known(HIGH)
    found = judge.scores(HIGH, source=source, target=target, parallel=HIGH)
    assert found["mcd_db"] == pytest.approx(0.0, abs=1e-6)
    assert isinstance(found["mcd_unconverted_db"], float)
    assert found["mcd_unconverted_db"] > 1


def test_what_nobody_asks_for_is_not_measured() -> None:
    judge = Judge(mel=MEL, melody=False)
    known = judge.known(LOW)
    assert judge.scores(HIGH, source=known, target=known) == {}
    assert judge.likeness(LOW, HIGH) == (None, None)
