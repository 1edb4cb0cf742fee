"""A bundle behind the server answers as `sonant predict` does, whatever form the clip comes in."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bundles import RATE_HZ, SAMPLES, TONES_HZ, tone, write_bundle
from sonant.audio import to_pcm16
from sonant.errors import BundleError
from sonant.runtime.recogniser import Recogniser
from sonant.serving.bundles import CLASSIFY, open_bundle
from sonant.serving.clips import PCM, WAV
from sonant.serving.servable import Servable
from sonant.serving.status import Code, Refusal
from sonant.serving.tensors import DEFAULT_SIGNATURE, Tensor, Tensors, text

LABELS = tuple(TONES_HZ)


@pytest.fixture
def servable(tiny_bundle: Path) -> Servable:
    return open_bundle(tiny_bundle)


def ask(servable: Servable, signature: str, name: str, value: Tensor) -> Tensors:
    return servable.run(signature, servable.prepare(signature, {name: value}))


def wav(label: str, *, rate_hz: int = RATE_HZ, format: str = "WAV", channels: int = 1) -> bytes:
    file = io.BytesIO()
    samples = np.repeat(tone(label, rate_hz=rate_hz)[:, None], channels, axis=1)
    soundfile.write(file, samples, rate_hz, format=format)
    return file.getvalue()


def test_samples_pcm_and_files_of_any_kind_are_heard_the_same(servable: Servable) -> None:
    as_samples = ask(
        servable, DEFAULT_SIGNATURE, "samples", np.stack([tone(label) for label in LABELS])
    )
    as_pcm = ask(servable, PCM, "pcm", text([to_pcm16(tone(label)).tobytes() for label in LABELS]))
    as_wav = ask(servable, WAV, "wav", text([wav(label) for label in LABELS]))
    assert as_samples["label"].tolist() == [label.encode() for label in LABELS]
    np.testing.assert_array_equal(as_pcm["scores"], as_samples["scores"])
    np.testing.assert_allclose(as_wav["scores"], as_samples["scores"], atol=1e-6)
    for other in (
        wav("mid", rate_hz=44_100),
        wav("mid", format="FLAC"),
        wav("mid", format="OGG", rate_hz=8000),
        wav("mid", channels=2),
    ):
        assert ask(servable, WAV, "wav", text([other]))["label"].tolist() == [b"mid"]


def test_the_server_says_what_predict_says(tiny_bundle: Path, servable: Servable) -> None:
    clip = np.concatenate([tone("low"), tone("mid")])[: SAMPLES - 700]
    wanted = Recogniser.load(tiny_bundle).predict(clip, rate_hz=RATE_HZ)
    found = ask(servable, DEFAULT_SIGNATURE, "samples", clip[None])
    assert found["label"][0].decode() == wanted.label
    assert found["scores"].max() == pytest.approx(wanted.probability, abs=1e-6)


def test_clips_of_any_length_are_cut_and_filled_as_in_training(servable: Servable) -> None:
    for length in (1, SAMPLES // 2, SAMPLES + 1, 3 * SAMPLES):
        clip = np.resize(tone("high"), length)
        assert ask(servable, DEFAULT_SIGNATURE, "samples", clip[None])["scores"].shape == (1, 3)


def test_classes_come_with_their_scores(servable: Servable) -> None:
    found = ask(servable, CLASSIFY, "samples", tone("low")[None])
    assert found["classes"].tolist() == [[label.encode() for label in LABELS]]
    assert found["scores"].argmax() == LABELS.index("low")


@pytest.mark.parametrize(
    ("signature", "name", "value", "says"),
    [
        (DEFAULT_SIGNATURE, "samples", np.zeros(5, np.float32), "want [batch, samples]"),
        (DEFAULT_SIGNATURE, "samples", np.full((1, 9), np.nan, np.float32), "not numbers"),
        (DEFAULT_SIGNATURE, "samples", np.zeros((2, 0), np.float32), "holds no samples"),
        (PCM, "pcm", text([b"\0\0\0"]), "pcm[0]: 3 bytes are no 16-bit samples"),
        (PCM, "pcm", text([b"\0\0", b""]), "pcm[1]: 0 bytes"),
        (WAV, "wav", text([b"RIFF garbage"]), "wav[0]: cannot be read as audio"),
        (WAV, "wav", text([[b""]]), "want [batch] of bytes"),
    ],
)
def test_bad_clips_are_named(
    servable: Servable, signature: str, name: str, value: Tensor, says: str
) -> None:
    with pytest.raises(Refusal) as refused:
        ask(servable, signature, name, value)
    assert says in refused.value.message
    assert refused.value.code is Code.INVALID_ARGUMENT


def test_hours_of_silence_in_a_small_file_are_not_unpacked(servable: Servable) -> None:
    file = io.BytesIO()
    soundfile.write(file, np.zeros(8000 * 601, np.int16), 8000, format="FLAC")
    with pytest.raises(Refusal, match="lasts 601 s"):
        ask(servable, WAV, "wav", text([file.getvalue()]))


def test_a_changed_file_is_not_served(tiny_bundle: Path) -> None:
    graph = tiny_bundle / "graphs" / "whole.onnx"
    graph.write_bytes(graph.read_bytes() + b" ")
    with pytest.raises(BundleError, match="sha256"):
        open_bundle(tiny_bundle)


def test_a_bundle_of_another_task_is_named(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path, changes={"task": "telepathy"})
    with pytest.raises(BundleError, match="telepathy"):
        open_bundle(folder)
    assert json.loads((folder / "bundle.json").read_text())["task"] == "telepathy"
