"""A bundle answers for one clip in any form, and for many in order, without torch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import soundfile

import sonant
from bundles import TONES_HZ, card_values, tone, tone_graph, write_bundle, write_tone
from sonant.audio import Clip, to_pcm16
from sonant.card import Card
from sonant.errors import AudioError, BundleError, SonantError
from sonant.manifest import Item
from sonant.runtime.recogniser import Recogniser


@pytest.fixture
def recogniser(tiny_bundle: Path) -> Recogniser:
    return Recogniser.load(tiny_bundle, threads=1)


@pytest.mark.parametrize("label", TONES_HZ)
def test_a_file_is_recognised(recogniser: Recogniser, tmp_path: Path, label: str) -> None:
    path = write_tone(tmp_path / "a.flac", label)
    found = recogniser.predict(path)
    assert (found.path, found.label, found.error) == (str(path), label, "")
    assert found.probability == pytest.approx(1.0)
    assert found.top[0] == (found.label, found.probability)


def test_every_form_of_a_clip_gets_the_same_answer(recogniser: Recogniser, tmp_path: Path) -> None:
    path = write_tone(tmp_path / "a.wav", "mid", seconds=0.4)
    samples, rate_hz = soundfile.read(path, dtype="float32")
    by_path = recogniser.predict(path)
    others = [
        recogniser.predict(str(path)),
        recogniser.predict(path.read_bytes()),
        recogniser.predict(Clip(samples, rate_hz)),
        recogniser.predict(samples, rate_hz=rate_hz),
        recogniser.predict(samples.astype(float), rate_hz=rate_hz),
        recogniser.predict(to_pcm16(samples), rate_hz=rate_hz),
    ]
    assert {other.top for other in others} == {by_path.top}
    assert [other.path for other in others] == [str(path), "", "", "", "", ""]


def test_another_rate_is_resampled(recogniser: Recogniser) -> None:
    assert recogniser.predict(tone("low", rate_hz=44_100), rate_hz=44_100).label == "low"


@pytest.mark.parametrize(
    ("samples", "rate_hz", "reason"),
    [
        (tone("low"), None, "pass rate_hz="),
        (tone("low"), 0, "pass rate_hz="),
        (np.zeros((10, 2), np.float32), 16_000, r"are \[10, 2\], want mono"),
        (np.zeros(10, np.int64), 16_000, "are int64, want float"),
        (np.zeros(0, np.float32), 16_000, "holds no samples"),
        (np.full(10, np.nan, np.float32), 16_000, "not numbers"),
    ],
)
def test_samples_that_are_no_clip_are_refused(
    recogniser: Recogniser, samples: np.ndarray, rate_hz: int | None, reason: str
) -> None:
    with pytest.raises(AudioError, match=reason):
        recogniser.predict(samples, rate_hz=rate_hz)


def test_a_file_that_is_not_there_is_an_error(recogniser: Recogniser) -> None:
    with pytest.raises(AudioError, match=r"nowhere\.wav.*no such file"):
        recogniser.predict("nowhere.wav")


def test_top_is_ordered_and_no_longer_than_the_labels(recogniser: Recogniser) -> None:
    clip = Clip(tone("low") * 0.05 + tone("mid") * 0.04, 16_000)
    assert [label for label, _ in recogniser.predict(clip, top=2).top] == ["low", "mid"]
    every = recogniser.predict(clip, top=99).top
    assert [label for label, _ in every] == ["low", "mid", "high"]
    assert sum(share for _, share in every) == pytest.approx(1.0)
    with pytest.raises(SonantError, match="top: 0 labels are too few"):
        recogniser.predict(clip, top=0)


def test_of_equals_the_first_label_leads(recogniser: Recogniser) -> None:
    silence = recogniser.predict(np.zeros(16_000, np.float32), rate_hz=16_000)
    assert [label for label, _ in silence.top] == ["high", "low", "mid"]


def test_the_order_of_labels_is_the_bundles(tmp_path: Path) -> None:
    odd = Recogniser.load(write_bundle(tmp_path, labels=("mid", "low", "high")))
    assert odd.labels == ("mid", "low", "high")
    assert odd.predict(tone("high"), rate_hz=16_000).label == "high"


@pytest.mark.parametrize("batch", [1, 3, 64])
def test_many_come_in_order_with_the_unreadable_among_them(
    recogniser: Recogniser, tmp_path: Path, batch: int
) -> None:
    names = ["low", "high", "broken", "mid", "low", "broken", "high"]
    for name in set(names) - {"broken"}:
        write_tone(tmp_path / f"{name}.wav", name)
    (tmp_path / "broken.wav").write_bytes(b"nothing")
    paths = [tmp_path / f"{name}.wav" for name in names]
    found = list(recogniser.predict_many(paths, batch=batch, workers=2))
    assert [one.path for one in found] == [str(path) for path in paths]
    assert [one.label or "broken" for one in found] == names
    assert [bool(one.error) for one in found] == [name == "broken" for name in names]
    assert found[2].top == ()
    assert found[2].probability is None


def test_a_batch_of_nothing_readable_is_no_trouble(recogniser: Recogniser) -> None:
    found = list(recogniser.predict_many(["a.wav", "b.wav"], batch=1))
    assert [one.label for one in found] == [None, None]


def test_segments_are_told_apart(recogniser: Recogniser, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.concatenate([tone("low"), tone("high")]), 16_000)
    items = [Item(path=tmp_path / "a.wav", start_s=at, end_s=at + 1) for at in (0.0, 1.0)]
    found = list(recogniser.predict_many(items))
    assert [(one.label, one.start_s, one.end_s) for one in found] == [
        ("low", 0.0, 1.0),
        ("high", 1.0, 2.0),
    ]


def test_an_empty_batch_size_is_refused(recogniser: Recogniser) -> None:
    with pytest.raises(SonantError, match="batch: 0 clips are too few"):
        list(recogniser.predict_many(["a.wav"], batch=0))


def test_json_has_the_four_keys_and_the_error_only_where_there_is_one(
    recogniser: Recogniser, tmp_path: Path
) -> None:
    path = write_tone(tmp_path / "a.wav", "low")
    good, bad = recogniser.predict_many([path, "nowhere.wav"], top=2)
    assert good.to_json() == {
        "path": str(path),
        "label": "low",
        "probability": good.probability,
        "top": [{"label": label, "probability": share} for label, share in good.top],
    }
    assert bad.to_json() == {
        "path": "nowhere.wav",
        "label": None,
        "probability": None,
        "top": [],
        "error": bad.error,
    }


def test_an_answer_that_is_no_number_is_an_error_of_its_clip(tmp_path: Path) -> None:
    graph = tone_graph(tuple(TONES_HZ))
    del graph.graph.node[-1]  # energies over their own sum: silence divides zero by zero
    graph.graph.node.extend(
        [
            onnx.helper.make_node("ReduceSum", ["logits", "one"], ["sum"], keepdims=1),
            onnx.helper.make_node("Div", ["logits", "sum"], ["probabilities"]),
        ]
    )
    graph.graph.initializer.append(onnx.numpy_helper.from_array(np.array([1]), "one"))
    recogniser = Recogniser.load(write_bundle(tmp_path, graph=graph))
    soundfile.write(tmp_path / "silence.wav", np.zeros(16_000, np.float32), 16_000)
    low = write_tone(tmp_path / "low.wav", "low")
    found = list(recogniser.predict_many([tmp_path / "silence.wav", low]))
    assert [one.label for one in found] == [None, "low"]
    assert "answers NaN" in found[0].error
    with pytest.raises(AudioError, match="answers NaN"):
        recogniser.predict(tmp_path / "silence.wav")


def test_a_bundle_of_another_task_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="is for the task 'speakers', want 'keywords'"):
        Recogniser.load(write_bundle(tmp_path, changes={"task": "speakers"}))
    bare = {**card_values("tones", 1, ()), "labels": []}
    with pytest.raises(BundleError, match="want 'keywords' with labels"):
        Recogniser(Card.read(write_bundle(tmp_path, version=2, changes=bare | {"version": 2})))


def test_a_damaged_bundle_is_refused(tiny_bundle: Path) -> None:
    with (tiny_bundle / "weights.safetensors").open("ab") as file:
        file.write(b"!")
    with pytest.raises(BundleError, match=r"weights\.safetensors: is not the file"):
        Recogniser.load(tiny_bundle)


def test_sonant_load_is_the_front_door(tiny_bundle: Path) -> None:
    found = sonant.load(tiny_bundle.parent).predict(tone("mid"), rate_hz=16_000)
    assert found.label == "mid"


def test_all_this_works_where_torch_cannot_be_imported(tiny_bundle: Path, tmp_path: Path) -> None:
    path = write_tone(tmp_path / "clips" / "low" / "a.wav", "low")
    program = f"""
import sys
sys.modules["torch"] = None  # importing it now raises
import sonant.card, sonant.evaluation, sonant.prediction, sonant.runtime
from pathlib import Path
from sonant.manifest import Item, Manifest
bundle, clips = Path({str(tiny_bundle)!r}), Path({str(path.parents[1])!r})
print(sonant.load(bundle).predict(clips / "low" / "a.wav").label)
sonant.prediction.predict(bundle, [clips], output=sys.stdout, format="csv", top=1)
manifest = Manifest(items=(Item(path=clips / "low" / "a.wav", label="low", split="test"),))
print(sonant.evaluation.evaluate(bundle, manifest).accuracy)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    first, *rows, last = done.stdout.splitlines()
    assert (first, last) == ("low", "1.0")
    assert rows == ["file_name,target,probability", f"{path},low,1.000000"]
