"""A conversion bundle that answers: any clip, any voice, as long and as loud as the source."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bundles import RATE_HZ, write_bundle
from converters import MEL, voice, write_converter, write_vocoder
from sonant import audio
from sonant.audio import Clip
from sonant.conversion import loudness, watermark
from sonant.conversion.converter import Converter
from sonant.conversion.voice_mel import log_mel
from sonant.errors import AudioError, BundleError
from sonant.nn.voice_mel_config import VoiceMel

LOW, HIGH = (Clip(voice(hz, seconds=2.0, seed=1), RATE_HZ) for hz in (110.0, 220.0))


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_converter(tmp_path_factory.mktemp("converter"))


@pytest.fixture(scope="module")
def converter(bundle: Path) -> Converter:
    return Converter.load(bundle)


def test_the_words_are_the_sources_and_the_voice_is_the_targets(converter: Converter) -> None:
    made = converter.convert(LOW, [HIGH])
    assert len(made.clip.samples) == len(LOW.samples)
    assert made.mel.shape == (MEL.mels, MEL.frames(len(LOW.samples)))
    mels = [log_mel(clip.samples, MEL, rate_hz=RATE_HZ) for clip in (LOW, HIGH)]
    np.testing.assert_allclose(made.mel.mean(axis=1), mels[1].mean(axis=1), atol=0.02)
    np.testing.assert_allclose(np.ptp(made.mel, axis=1), np.ptp(mels[0], axis=1), atol=0.05)


def test_the_sound_is_that_of_the_mel(converter: Converter) -> None:
    made = converter.convert(LOW, [HIGH], key=None)
    again = log_mel(made.clip.samples, MEL, rate_hz=RATE_HZ)
    loud = made.mel > made.mel.max() - 5
    apart = (again - made.mel)[loud]
    # All are moved alike, to the loudness of the source.
    assert np.abs(apart - np.median(apart)).mean() < 0.4


@pytest.mark.parametrize("rate_hz", [8_000, 22_050, 48_000])
def test_any_rate_will_do(converter: Converter, rate_hz: int) -> None:
    made = converter.convert(audio.resample(LOW, rate_hz), [audio.resample(HIGH, rate_hz)])
    assert made.clip.rate_hz == RATE_HZ
    assert len(made.clip.samples) == pytest.approx(len(LOW.samples), abs=2)


@pytest.mark.parametrize("gain", [0.02, 0.5])
def test_a_conversion_is_as_loud_as_its_source(converter: Converter, gain: float) -> None:
    source = Clip(np.float32(gain) * LOW.samples, RATE_HZ)
    made = converter.convert(source, [HIGH], key=None)
    assert loudness.level_db(made.clip) == pytest.approx(loudness.level_db(source), abs=0.1)


def test_the_same_seed_gives_the_same_samples(converter: Converter) -> None:
    one, same, other = (converter.convert(LOW, [HIGH], seed=seed).clip for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.samples, same.samples)
    assert not np.array_equal(one.samples, other.samples)


def test_several_recordings_make_one_voice(converter: Converter) -> None:
    halves = [Clip(part, RATE_HZ) for part in np.split(HIGH.samples, 2)]
    np.testing.assert_array_equal(converter.voice(halves).samples, converter.voice([HIGH]).samples)
    many = [HIGH] * 40
    assert converter.voice(many).duration_s == pytest.approx(30.0)


def test_long_audio_is_converted_in_windows_that_do_not_show(bundle: Path) -> None:
    # Four times the same: every window has the mean of the whole.
    source = Clip(np.tile(LOW.samples, 6), RATE_HZ)
    whole = Converter.load(bundle).convert(source, [HIGH], key=None)
    cut = Converter.load(bundle, window_s=5.0).convert(source, [HIGH], key=None)
    assert (whole.windows, cut.windows) == (1, 3)
    assert cut.mel.shape == whole.mel.shape
    assert np.abs(cut.mel - whole.mel).mean() < 0.25
    assert len(cut.clip.samples) == len(source.samples)


def test_the_mark_is_in_it_unless_it_is_not_wanted(converter: Converter) -> None:
    source = Clip(voice(110.0, seconds=8.0), RATE_HZ)
    marked, plain = (converter.convert(source, [HIGH], key=key) for key in (watermark.KEY, None))
    found = watermark.find(marked.clip)
    assert found.marked
    assert found.says is not None
    assert converter.digest.startswith(found.says.model)
    assert marked.mark_db is not None
    assert marked.mark_db > 30
    assert plain.mark_db is None
    assert not watermark.find(plain.clip).marked


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros(RATE_HZ, np.float32), "is silent"),
        (LOW.samples[:100], "lasts 0.006 s"),
        (np.full(RATE_HZ, np.nan, np.float32), "not numbers"),
    ],
)
def test_clips_of_no_use_are_refused(
    converter: Converter, samples: audio.Samples, message: str
) -> None:
    with pytest.raises(AudioError, match=f"the source: .*{message}"):
        converter.convert(Clip(samples, RATE_HZ), [HIGH])
    with pytest.raises(AudioError, match=f"a target: .*{message}"):
        converter.convert(LOW, [Clip(samples, RATE_HZ)])


def test_a_voice_has_to_be_heard(converter: Converter) -> None:
    with pytest.raises(AudioError, match="no target"):
        converter.convert(LOW, [])


def test_a_bundle_of_another_task_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="is a bundle of keywords"):
        Converter.load(write_bundle(tmp_path))


def test_another_vocoder_can_be_chosen(bundle: Path, tmp_path: Path) -> None:
    buzz = write_vocoder(tmp_path)
    made = Converter.load(bundle, buzz)
    assert len(made.vocoder.name) == 64
    assert len(made.convert(LOW, [HIGH]).clip.samples) == len(LOW.samples)
    assert Converter.load(bundle, "griffin-lim").vocoder.name == "griffin-lim"


def test_a_vocoder_of_another_spectrogram_is_refused(bundle: Path, tmp_path: Path) -> None:
    other = write_vocoder(tmp_path, mel=VoiceMel(window_length=512, hop_length=128, mels=30))
    with pytest.raises(BundleError, match="trained on the same front end"):
        Converter.load(bundle, other)


def test_a_graph_with_other_ends_is_refused(tmp_path: Path) -> None:
    spec = {"file": "graphs/whole.onnx", "input": "x", "output": "y", "max_difference": 0.0}
    folder = write_bundle(
        tmp_path,
        changes={
            "task": "conversion",
            "graphs": {"convert": spec},
            "recipe": {"front_end": {"name": "voice_mel"}},
        },
    )
    with pytest.raises(BundleError, match="has inputs samples, want source and target"):
        Converter.load(folder)


def test_windows_have_to_be_longer_than_what_they_share(bundle: Path) -> None:
    with pytest.raises(AudioError, match="want 2 s or more"):
        Converter.load(bundle, window_s=0.5)
