"""A bundle that answers: named scores whose signs mean what they say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from sonant.audio import Clip, from_pcm16, to_pcm16
from sonant.errors import AudioError, BundleError
from sonant.manifest import Item
from sonant.models import detector as trained
from sonant.spoofing import detector as module
from sonant.spoofing.detector import Detector, Spoofness
from spoof_bundle import RATE_HZ, noise, score_of, sigmoid, write_spoof_bundle

LOUD, SOFT = (from_pcm16(to_pcm16(noise(level, 1.0))) for level in (0.3, 0.1))


def test_bona_fide_speech_has_a_high_llr_and_a_low_probability_of_a_forgery(
    detector: Detector,
) -> None:
    genuine, forged = detector.detect(LOUD), detector.detect(SOFT)
    assert genuine.llr_bonafide > 0 > forged.llr_bonafide
    assert genuine.p_spoof < 0.5 < forged.p_spoof
    assert not genuine.calibrated


def test_the_score_is_the_log_odds_of_the_graph_s_answer(detector: Detector) -> None:
    found = detector.detect(LOUD)
    assert found.llr_bonafide == pytest.approx(score_of(LOUD), abs=1e-3)
    assert found.p_spoof == pytest.approx(sigmoid(-score_of(LOUD)), rel=1e-2)


@pytest.mark.parametrize("prior", [0.01, 0.5, 0.99])
def test_the_probability_follows_from_llr_and_prior_by_bayes(prior: float) -> None:
    llr = 1.7
    found = Spoofness.of(llr, prior=prior, calibrated=True, windows=1, duration_s=1.0)
    wanted = prior / (prior + (1 - prior) * np.exp(llr))
    assert found.p_spoof == pytest.approx(wanted)


def test_extreme_scores_stay_numbers() -> None:
    for llr in (-1e4, 1e4):
        found = Spoofness.of(llr, prior=0.5, calibrated=False, windows=1, duration_s=1.0)
        assert found.p_spoof == (llr < 0)


def test_a_prior_that_is_no_probability_is_refused(detector: Detector) -> None:
    with pytest.raises(ValueError, match="prior is 1"):
        detector.detect(LOUD, prior=1.0)


def test_every_kind_of_source_gives_the_same_answer(detector: Detector, tmp_path: Path) -> None:
    path = tmp_path / "clip.wav"
    soundfile.write(path, LOUD, RATE_HZ)
    sources = (path, str(path), path.read_bytes(), LOUD, Clip(LOUD, RATE_HZ), Item(path=path))
    assert len({detector.detect(source) for source in sources}) == 1


def test_a_short_clip_is_said_again_and_a_long_one_heard_in_parts(detector: Detector) -> None:
    least = round(module.SHORTEST_S * RATE_HZ)
    short = LOUD[:1500]
    again = np.resize(short, least)
    assert detector.detect(short).llr_bonafide == detector.detect(again).llr_bonafide
    long = np.concatenate([noise(0.3, 1.0), noise(0.1, 1.0, seed=1), noise(0.2, 0.5, seed=2)])
    found = detector.detect(long)
    assert (found.windows, found.duration_s) == (3, 2.5)
    parts = [score_of(long[at : at + RATE_HZ]) for at in (0, 12_000, 24_000)]
    assert found.llr_bonafide == pytest.approx(np.mean(parts), abs=1e-2)


def test_a_graph_of_one_length_hears_that_alone(tmp_path: Path) -> None:
    fixed = Detector.load(write_spoof_bundle(tmp_path, fixed=True))
    clip = LOUD[:10_000]
    wanted = score_of(np.resize(clip, RATE_HZ))
    assert fixed.detect(clip).llr_bonafide == pytest.approx(wanted, abs=1e-3)
    assert fixed.detect(np.tile(LOUD, 2)).windows == 2


def test_a_clip_is_brought_to_the_rate_of_the_graph(detector: Detector) -> None:
    slow = np.sin(2 * np.pi * 200 * np.arange(8000) / 8000).astype(np.float32) * 0.5
    found = detector.detect(slow, rate_hz=8000)
    assert found.duration_s == 1.0
    assert found.llr_bonafide == pytest.approx(score_of(slow), abs=0.1)


def test_clips_that_hold_nothing_are_refused_by_name(detector: Detector, tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="holds no sound"):
        detector.detect(np.zeros(0, np.float32))
    with pytest.raises(AudioError, match="no numbers"):
        detector.detect(np.full(8000, np.nan, np.float32))
    with pytest.raises(AudioError, match=r"gone\.wav"):
        detector.detect(tmp_path / "gone.wav")
    with pytest.raises(AudioError, match=r"want one channel"):
        detector.detect(np.zeros((2, 8000), np.float32))


def test_bundles_of_another_task_are_refused(tmp_path: Path, tiny_bundle: Path) -> None:
    with pytest.raises(BundleError, match="is a bundle of keywords"):
        Detector.load(tiny_bundle)
    turned = write_spoof_bundle(tmp_path / "turned", labels=["spoof", "bonafide"])
    with pytest.raises(BundleError, match="with the labels spoof, bonafide"):
        Detector.load(turned)
    with pytest.raises(BundleError, match="no graph 'whole'"):
        Detector.load(write_spoof_bundle(tmp_path / "bare", graphs={}))


def test_training_and_runtime_agree_on_the_shortest_clip() -> None:
    assert module.SHORTEST_S == trained.SHORTEST_S
