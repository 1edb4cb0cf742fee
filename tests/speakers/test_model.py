"""A speaker bundle, asked from Python: any clip in, an answer with its reason out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import voice_clips
from not_speech import NOT_SPEECH, RATE_HZ
from sonant import audio
from sonant.audio import Clip
from sonant.card import Card
from sonant.errors import AudioError, BundleError, StoreError
from sonant.manifest import Item, Manifest
from sonant.speakers.deciding import Deciding
from sonant.speakers.gates import Gate
from sonant.speakers.model import SpeakerModel
from sonant.speakers.store import SpeakerStore
from sonant.speakers.verdict import OperatingPoint
from sonant.verification.calibration import Calibration
from voice_bundle import SIZE, moments, write_voices

CALIBRATION = Calibration(slope=2000.0, offset=-1998.0, prior=0.5, same=100, different=100)
"""The bundle's voices differ in the third decimal of the cosine."""


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return voice_clips.write_clips(tmp_path_factory.mktemp("clips") / "spoken", speakers=5)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_voices(tmp_path_factory.mktemp("voices"))


@pytest.fixture(scope="module")
def model(bundle: Path) -> SpeakerModel:
    return SpeakerModel.load(bundle)


@pytest.fixture(scope="module")
def sure(bundle: Path) -> SpeakerModel:
    """The same, calibrated."""
    return SpeakerModel.load(bundle, deciding=Deciding(calibration=CALIBRATION))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SpeakerStore]:
    with SpeakerStore(tmp_path / "speakers.sqlite") as opened:
        yield opened


def test_a_file_its_bytes_its_samples_and_its_item_are_one_embedding(
    model: SpeakerModel, clips: Manifest
) -> None:
    file = voice_clips.of(clips, 2)
    clip = audio.read(file)
    want = moments(clip.samples) / np.linalg.norm(moments(clip.samples))
    for source in (file, str(file), file.read_bytes(), clip.samples, clip, Item(path=file)):
        found = model.embed(source)
        assert found.vector == pytest.approx(want, abs=1e-4)
        assert np.array_equal(found.vector, model.embed(file).vector)


@pytest.mark.parametrize("rate_hz", [8000, 11_025, 48_000])
def test_another_rate_is_brought_to_the_models(
    model: SpeakerModel, clips: Manifest, rate_hz: int
) -> None:
    clip = audio.read(voice_clips.of(clips, 2))
    other = audio.resample(clip, rate_hz)
    found = model.embed(other.samples, rate_hz=rate_hz).vector
    assert found @ model.embed(clip).vector > 0.9999


def test_an_item_is_a_segment_at_its_gain(model: SpeakerModel, clips: Manifest) -> None:
    file = voice_clips.of(clips, 2)
    samples = audio.read(file).samples[1600:12_800]
    item = Item(path=file, start_s=0.1, end_s=0.8, gain=0.5)
    assert model.embed(item).vector == pytest.approx(model.embed(samples * 0.5).vector, abs=1e-6)


@pytest.mark.parametrize("seconds", [0.1, 0.37, 9.99, 31.0])
def test_any_length_can_be_heard(model: SpeakerModel, clips: Manifest, seconds: float) -> None:
    clip = audio.read(voice_clips.of(clips, 2))
    long = np.resize(clip.samples, round(seconds * clip.rate_hz))
    heard = model.hear(long)
    assert heard.embedding.vector.shape == (SIZE,)
    assert np.linalg.norm(heard.embedding.vector) == pytest.approx(1.0, abs=1e-6)


def test_what_is_no_sound_is_refused(model: SpeakerModel, tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="no such file"):
        model.hear(tmp_path / "gone.wav")
    with pytest.raises(AudioError, match="no numbers"):
        model.hear(np.full(16_000, np.nan, np.float32))
    with pytest.raises(AudioError, match=r"samples \[2, 100\]"):
        model.hear(np.zeros((2, 100), np.float32))
    with pytest.raises(AudioError, match="too short to embed"):
        model.embed(np.zeros(100, np.float32))


def test_a_bundle_of_words_is_refused(tiny_bundle: Path) -> None:
    with pytest.raises(BundleError, match="is a bundle of keywords"):
        SpeakerModel(Card.read(tiny_bundle))


def test_nothing_is_decided_without_a_calibration(model: SpeakerModel, clips: Manifest) -> None:
    file = voice_clips.of(clips, 2)
    found = model.verify_files(file, file)
    assert (found.decision, found.llr) == ("undecided", None)
    assert found.reason.startswith("uncalibrated")
    assert found.cosine == pytest.approx(1.0, abs=1e-6)


def test_a_calibrated_bundle_decides(sure: SpeakerModel, clips: Manifest) -> None:
    one, other = voice_clips.of(clips, 0), voice_clips.of(clips, 4, "marvin")
    same = sure.verify_files(one, one.read_bytes())
    assert same.decision == "same"
    assert same.llr == pytest.approx(2.0, abs=0.01)
    assert same.speech_s > 0.15
    different = sure.verify_files(one, other)
    assert different.decision == "different"
    assert different.llr == pytest.approx(2000.0 * different.cosine - 1998.0, abs=1e-6)


def test_the_operating_point_and_the_gate_are_those_asked_for(
    bundle: Path, clips: Manifest
) -> None:
    file = voice_clips.of(clips, 0)
    point = OperatingPoint(prior=0.01)
    strict = Deciding(calibration=CALIBRATION, point=point, gate=Gate(speech_s=30.0))
    found = SpeakerModel.load(bundle, deciding=strict).verify_files(file, file)
    assert found.reason.startswith("first: not enough speech")
    rare = Deciding(calibration=CALIBRATION, point=point)
    found = SpeakerModel.load(bundle, deciding=rare).verify_files(file, file)
    assert (found.decision, found.operating_point) == ("different", point)


@pytest.mark.parametrize("name", ["silence", "white noise", "hum at 50 Hz", "a melody"])
def test_what_is_not_speech_is_not_enough_speech(
    sure: SpeakerModel, clips: Manifest, store: SpeakerStore, name: str
) -> None:
    file, sound = voice_clips.of(clips, 0), Clip(NOT_SPEECH[name], RATE_HZ)
    sure.enroll(store, "ann", [file])
    for left, right, side in ((file, sound, "second"), (sound, file, "first")):
        found = sure.verify_files(left, right)
        assert found.decision == "undecided"
        assert found.reason.startswith(f"{side}: not enough speech")
    who = sure.identify(store, sound)
    assert (who.decision, who.name) == ("undecided", None)
    assert who.reason.startswith("not enough speech")


@pytest.mark.parametrize("length", [0, 1, 1000])
def test_next_to_nothing_is_like_nobody(sure: SpeakerModel, clips: Manifest, length: int) -> None:
    found = sure.verify_files(voice_clips.of(clips, 0), np.full(length, 0.1, np.float32))
    assert (found.decision, found.cosine, found.speech_s) == ("undecided", 0.0, 0.0)


def test_who_was_enrolled_is_known_and_others_are_nobody(
    sure: SpeakerModel, clips: Manifest, store: SpeakerStore
) -> None:
    assert sure.identify(store, voice_clips.of(clips, 0)).reason == "nobody is enrolled"
    speaker = sure.enroll(store, "ann", [voice_clips.of(clips, 0)])
    assert (speaker.name, speaker.utterances) == ("ann", 1)
    assert store.snapshot()[1][0].source == str(voice_clips.of(clips, 0))
    assert store.model_digest == sure.digest
    known = sure.identify(store, voice_clips.of(clips, 0))
    assert (known.decision, known.name) == ("known", "ann")
    other = sure.identify(store, voice_clips.of(clips, 4, "marvin"))
    assert (other.decision, other.name) == ("nobody known", None)
    assert [one.name for one in other.candidates] == ["ann"]


def test_an_enrolment_is_whole_or_not_at_all(
    sure: SpeakerModel, clips: Manifest, store: SpeakerStore, tmp_path: Path
) -> None:
    hum = audio.write(tmp_path / "hum.wav", Clip(NOT_SPEECH["hum at 50 Hz"], RATE_HZ))
    gone = tmp_path / "gone.wav"
    with pytest.raises(AudioError, match=r"ann is not enrolled: .*hum\.wav: not enough") as error:
        sure.enroll(store, "ann", [voice_clips.of(clips, 0), hum, gone])
    assert str(gone) in str(error.value)
    assert store.names() == []
    with pytest.raises(AudioError, match="no files"):
        sure.enroll(store, "ann", [])


def test_clips_are_grouped_and_those_without_speech_are_named(
    model: SpeakerModel, sure: SpeakerModel, clips: Manifest
) -> None:
    files = [voice_clips.of(clips, number) for number in (0, 0, 4, 4)]
    files[1:1] = [silent := clips.root / "gone.wav"]
    told: list[tuple[int, int]] = []
    found = model.cluster(files, exactly=2, on_progress=lambda *now: told.append(now))
    assert found.clusters.labels.tolist() == [0, 0, 1, 1]
    assert found.sources == (files[0], *files[2:])
    assert [source for source, _ in found.left_out] == [silent]
    assert told[-1] == (5, 5)
    # The calibration says how alike one speaker's clips are: these two are not.
    calibrated = sure.cluster(files)
    assert calibrated.clusters.labels.tolist() == [0, 0, 1, 1]


def test_a_pile_without_speech_cannot_be_grouped(model: SpeakerModel) -> None:
    with pytest.raises(AudioError, match="none of 2 clips has enough speech"):
        model.cluster([np.zeros(16_000, np.float32)] * 2)
    lenient = Deciding(gate=Gate(speech_s=0.0, snr_db=-20.0))
    hears = SpeakerModel(model.card, deciding=lenient)
    noise = NOT_SPEECH["white noise"]
    assert hears.cluster([noise, noise], exactly=1).clusters.labels.tolist() == [0, 0]
    with pytest.raises(StoreError, match="no number of clusters of 2 clips"):
        hears.cluster([noise, noise], exactly=3)
    with pytest.raises(StoreError, match="embedding 1 has no direction"):
        hears.cluster([noise, np.zeros(16_000, np.float32)])


def test_clips_heard_together_are_what_they_are_alone(model: SpeakerModel, clips: Manifest) -> None:
    files: list[Path | np.ndarray] = [voice_clips.of(clips, number) for number in range(5)]
    files[2:2] = [np.zeros(16_000, np.float32), np.ones(100, np.float32)]
    together = model.hear_many(files)
    for one, file in zip(together, files, strict=True):
        alone = model.hear(file)
        np.testing.assert_allclose(one.embedding.vector, alone.embedding.vector, atol=1e-5)
        assert one.quality == alone.quality
    assert [bool(one.embedding.vector.any()) for one in together] == [
        True, True, False, False, True, True, True,
    ]  # fmt: skip
    assert model.hear_many([]) == []


def test_a_clip_that_was_heard_is_named_without_hearing_it_again(
    sure: SpeakerModel, clips: Manifest, store: SpeakerStore
) -> None:
    file = voice_clips.of(clips, 0)
    sure.enroll(store, "ann", [file])
    assert sure.who(store, sure.hear(file)) == sure.identify(store, file)
    assert sure.who(store, sure.hear(file), top=1).candidates[0].name == "ann"
