"""A speaker bundle behind the server answers as `SpeakerModel` does, whatever form the clip comes in."""

from __future__ import annotations

import copy
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bundles import RATE_HZ
from serving.voiced import CALIBRATED, clip, wav, write_calibrated
from sonant import audio
from sonant.audio import Samples, from_pcm16, to_pcm16
from sonant.card import Card
from sonant.card.revision import revise
from sonant.errors import BundleError
from sonant.serving.bundles import open_bundle
from sonant.serving.clips import PCM, WAV
from sonant.serving.joining import run_together
from sonant.serving.servable import Servable
from sonant.serving.speaker_bundles import EMBED, SpeakerServable, heard_in
from sonant.serving.status import Code, Refusal
from sonant.serving.tensors import DEFAULT_SIGNATURE, Tensor, Tensors, text
from sonant.speakers.model import SpeakerModel
from sonant.speakers.verdict import Heard
from voice_bundle import SIZE, write_voices


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_voices(tmp_path_factory.mktemp("voices"))


@pytest.fixture(scope="module")
def servable(folder: Path) -> Servable:
    return open_bundle(folder)


def ask(servable: Servable, signature: str, name: str, value: Tensor) -> Tensors:
    return servable.run(signature, servable.prepare(signature, {name: value}))


def test_the_signatures_say_what_comes_out(servable: Servable) -> None:
    assert isinstance(servable, SpeakerServable)
    assert set(servable.signatures) == {DEFAULT_SIGNATURE, EMBED, PCM}
    for signature in servable.signatures.values():
        shapes = {name: end.shape for name, end in signature.outputs.items()}
        measures = {"norm": (-1,), "speech_s": (-1,), "snr_db": (-1,)}
        assert shapes == {"embedding": (-1, SIZE), **measures}


def test_a_graph_without_a_norm_tells_none(tmp_path: Path) -> None:
    without = open_bundle(write_voices(tmp_path, norm=False))
    found = ask(without, DEFAULT_SIGNATURE, "samples", clip("ann")[None])
    assert set(found) == {"embedding", "speech_s", "snr_db"}
    assert set(without.signatures[EMBED].outputs) == set(found)
    assert heard_in(found)[0].embedding.norm is None


def test_samples_pcm_and_files_are_the_same_voice(servable: Servable, folder: Path) -> None:
    pcm = to_pcm16(clip("ann"))
    samples = from_pcm16(pcm)
    as_samples = ask(servable, DEFAULT_SIGNATURE, "samples", samples[None])
    as_pcm = ask(servable, PCM, "pcm", text([pcm.tobytes()]))
    as_wav = ask(servable, EMBED, "wav", text([wav(samples)]))
    wanted = SpeakerModel.load(folder, threads=1).hear(samples, rate_hz=RATE_HZ)
    for found in (as_samples, as_pcm, as_wav):
        assert found["embedding"][0].tobytes() == wanted.embedding.vector.tobytes()
        assert heard_in(found)[0].quality.speech_s == pytest.approx(wanted.quality.speech_s)
        assert found["norm"][0] == pytest.approx(wanted.embedding.norm)


def test_files_of_a_request_may_be_of_any_length_and_rate(servable: Servable) -> None:
    slow = wav(clip("bob")[::2], rate_hz=RATE_HZ // 2)
    files = text([wav(clip("ann")), wav(clip("ann", seconds=11.0, seed=1)), slow])
    vectors = ask(servable, EMBED, "wav", files)["embedding"]
    assert vectors[0] @ vectors[1] > 0.99
    assert vectors[0] @ vectors[2] < 0.9


def test_silence_is_a_voice_of_nobody(servable: Servable) -> None:
    found = ask(servable, DEFAULT_SIGNATURE, "samples", np.zeros((1, RATE_HZ), np.float32))
    assert not found["embedding"].any()
    assert found["speech_s"].tolist() == [0.0]


def test_no_rows_are_no_embeddings(servable: Servable) -> None:
    found = ask(servable, EMBED, "wav", text([]))
    assert found["embedding"].shape == (0, SIZE)
    assert found["speech_s"].shape == (0,)


def test_requests_are_run_together_and_company_never_changes_an_answer(servable: Servable) -> None:
    clips = [clip(name, seconds=length, seed=seed)[None]
             for seed, (name, length) in enumerate(product(("ann", "bob"), (1.0, 0.4, 11.0)))]  # fmt: skip
    requests = [(DEFAULT_SIGNATURE, {"samples": one}) for one in clips]
    joined = run_together(servable, requests, largest=32, allowed=(8,))
    assert [(part.rows, part.padding) for part in joined.parts] == [(6, 2)]
    for outcome, one in zip(joined.outcomes, clips, strict=True):
        assert not isinstance(outcome, Exception)
        alone = ask(servable, DEFAULT_SIGNATURE, "samples", one)
        for name, found in alone.items():
            np.testing.assert_allclose(outcome[name], found, rtol=1e-5, atol=1e-5)


def test_a_bad_clip_fails_by_itself(servable: Servable) -> None:
    good, bad = clip("ann")[None], np.full((1, 9000), np.nan, np.float32)
    requests = [(DEFAULT_SIGNATURE, {"samples": one}) for one in (good, bad, good)]
    first, second, third = run_together(servable, requests, largest=32).outcomes
    assert isinstance(second, Refusal)
    assert not isinstance(first, Exception)
    assert not isinstance(third, Exception)


def test_long_clips_are_not_all_heard_at_once(
    servable: Servable, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[int] = []
    whole = SpeakerModel.hear_many

    def counted(model: SpeakerModel, clips: list[Samples], **how: Any) -> list[Heard]:
        heard.append(len(clips))
        return whole(model, clips, **how)

    monkeypatch.setattr(SpeakerModel, "hear_many", counted)
    rows = np.empty(5, object)
    rows[:] = [clip("ann", seconds=length) for length in (25.0, 25.0, 25.0, 61.0, 1.0)]
    found = servable.run(DEFAULT_SIGNATURE, {"samples": rows})
    assert heard == [2, 1, 1, 1]
    assert found["embedding"].shape == (5, SIZE)


def test_requests_at_the_same_time_do_not_disturb_each_other(servable: Servable) -> None:
    servable.warm_up(4)
    one = {"samples": clip("bob")[None]}
    with ThreadPoolExecutor(4) as pool:
        answers = list(
            pool.map(
                lambda _: ask(servable, DEFAULT_SIGNATURE, "samples", one["samples"]), range(8)
            )
        )
    assert len({answer["embedding"].tobytes() for answer in answers}) == 1


@pytest.mark.parametrize(
    ("signature", "name", "value", "says"),
    [
        (DEFAULT_SIGNATURE, "samples", np.zeros(5, np.float32), "want [batch, samples]"),
        (DEFAULT_SIGNATURE, "samples", np.full((1, 9000), np.nan, np.float32), "not numbers"),
        (DEFAULT_SIGNATURE, "samples", np.zeros((2, 0), np.float32), "holds no samples"),
        (PCM, "pcm", text([b"\0\0\0"]), "pcm[0]: 3 bytes are no 16-bit samples"),
        (EMBED, WAV, text([b"RIFF garbage"]), "wav[0]: cannot be read as audio"),
        (EMBED, WAV, text([[b""]]), "want [batch] of bytes"),
    ],
)
def test_bad_clips_are_named(
    servable: Servable, signature: str, name: str, value: Tensor, says: str
) -> None:
    with pytest.raises(Refusal) as refused:
        ask(servable, signature, name, value)
    assert says in refused.value.message
    assert refused.value.code is Code.INVALID_ARGUMENT


def test_a_request_has_ten_minutes_and_no_more(servable: Servable) -> None:
    quiet = wav(np.zeros(8000 * 400, np.float32), rate_hz=8000, format="FLAC")
    with pytest.raises(Refusal, match=r"wav\[1\]: lasts 400 s .* at most 200 s"):
        servable.prepare(EMBED, {"wav": text([quiet, quiet])})
    half = np.zeros(RATE_HZ * 301, "<i2").tobytes()
    with pytest.raises(Refusal, match="pcm: lasts more than 600 s"):
        servable.prepare(PCM, {"pcm": text([half, half])})


def test_what_is_decided_by_comes_from_the_card(tmp_path: Path, servable: Servable) -> None:
    decides = open_bundle(write_calibrated(tmp_path))
    assert isinstance(decides, SpeakerServable)
    assert decides.model.deciding.calibration is not None
    assert decides.model.deciding.calibration.slope == 20.0
    assert isinstance(servable, SpeakerServable)
    assert servable.model.deciding.calibration is None


def test_a_calibration_by_a_norm_that_is_not_there_is_not_served(tmp_path: Path) -> None:
    values = copy.deepcopy(CALIBRATED)
    values["calibration"]["quality"] = {"norm": 1.0}
    card = Card.read(write_voices(tmp_path, norm=False))
    folder = revise(card, files={}, changes={"operating_point": {"speakers": values}})
    with pytest.raises(BundleError, match="the calibration wants norm"):
        open_bundle(folder)


@pytest.mark.shared
def test_real_speech_counts_as_speech(shared_data: Path, servable: Servable) -> None:
    path = next((shared_data / "librispeech_mini").rglob("*.flac"))
    length_s = len(audio.read(path).samples) / audio.read(path).rate_hz
    (heard,) = heard_in(ask(servable, EMBED, "wav", text([path.read_bytes()])))
    assert 0.3 * length_s < heard.quality.speech_s <= length_s
    assert heard.quality.snr_db > 5.0
