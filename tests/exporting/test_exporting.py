"""Every form of a trained bundle is written, run in its own runtime, proved, and kept in a next version."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from sonant import runs
from sonant.card import FILE, Card
from sonant.errors import ExportError
from sonant.export.esphome import WakeWord
from sonant.exporting import Exported, export, export_esphome
from sonant.exporting.form import Form
from sonant.manifest import Manifest
from sonant.runtime.session import StreamGraph
from words import SMALL, SMALL_STREAM, spoken_words

FLOAT_FORMS = [
    Form(format="onnx", mode="whole"),
    Form(format="onnx", mode="stream"),
    Form(format="onnx", mode="whole", front_end=False),
    Form(format="onnx", mode="stream", front_end=False),
    Form(format="tflite", mode="whole"),
    Form(format="tflite", mode="stream"),
    Form(format="tflite", mode="stream-internal"),
    Form(format="tflite", mode="stream", front_end=False),
    Form(format="saved_model", mode="whole"),
    Form(format="saved_model", mode="stream"),
    Form(format="saved_model", mode="stream-internal"),
]
INT8_FORMS = [
    Form(format="onnx", mode="whole", int8=True),
    Form(format="onnx", mode="stream", int8=True),
    Form(format="onnx", mode="stream", int8=True, front_end=False),
    Form(format="tflite", mode="whole", int8=True),
    Form(format="tflite", mode="stream", int8=True),
    Form(format="tflite", mode="stream-internal", int8=True),
]
CLOSE, RIGHT = 1e-4, 0.8


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return spoken_words(tmp_path_factory.mktemp("words"))


@pytest.fixture(scope="module")
def bundle(words: Manifest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("stream")
    outcome = runs.train(SMALL_STREAM, words, out=out / "run", rehearsal=False)
    assert outcome is not None
    assert outcome.metrics["test_accuracy"] >= RIGHT
    return outcome.bundle


@pytest.fixture(scope="module")
def exported(bundle: Path, words: Manifest) -> dict[str, Exported]:
    """All forms, each made once."""
    return {form.name: export(bundle, form, data=words) for form in (*FLOAT_FORMS, *INT8_FORMS)}


@pytest.mark.parametrize("form", FLOAT_FORMS, ids=lambda form: form.name)
def test_a_float_form_gives_what_the_model_gives(exported: dict[str, Exported], form: Form) -> None:
    assert exported[form.name].report["max_difference"] <= CLOSE


@pytest.mark.parametrize("form", INT8_FORMS, ids=lambda form: form.name)
def test_eight_bits_agree_where_the_model_is_sure(
    exported: dict[str, Exported], form: Form
) -> None:
    assert exported[form.name].report["clear_agreement"] >= 0.95


@pytest.mark.parametrize("form", [*FLOAT_FORMS, *INT8_FORMS], ids=lambda form: form.name)
def test_the_next_version_of_the_bundle_keeps_it_with_its_proof(
    exported: dict[str, Exported], form: Form
) -> None:
    kept = exported[form.name]
    card = Card.read(kept.bundle)
    entry = card.exports[form.name]
    assert (entry.format, entry.mode, entry.int8, entry.front_end) == (
        form.format,
        form.mode,
        form.int8,
        form.front_end,
    )
    assert entry.report["bytes"] > 1000
    assert kept.file.exists()
    assert card.provenance.parent is not None


@pytest.mark.parametrize(
    "name",
    [
        "onnx-stream", "onnx-stream-features", "tflite-stream", "tflite-stream-internal",
        "tflite-stream-int8", "savedmodel-stream", "savedmodel-stream-internal",
    ],
)  # fmt: skip
def test_a_stream_is_as_often_right_when_it_is_never_reset(
    exported: dict[str, Exported], name: str
) -> None:
    report = exported[name].report
    assert report["accuracy_reset"] >= RIGHT
    assert report["accuracy_never_reset"] >= RIGHT
    folder = exported[name].file.parent
    for ending, key in {"reset1": "accuracy_reset", "reset0": "accuracy_never_reset"}.items():
        text = (folder / f"{name}_accuracy_{ending}.txt").read_text()
        assert float(text) == pytest.approx(100 * report[key], abs=0.01)


def test_a_bundle_that_streams_has_a_graph_for_one_hop_with_the_same_states(bundle: Path) -> None:
    card = Card.read(bundle)
    assert set(card.graphs) == {"whole", "stream", "step"}
    assert card.graphs["step"].stream == card.graphs["stream"].stream
    assert card.graphs["step"].max_difference <= CLOSE
    assert StreamGraph(card).one_hop is not None


def test_an_export_shares_the_graphs_that_it_does_not_touch(exported: dict[str, Exported]) -> None:
    kept = exported["onnx-stream"]
    for name in ("graphs/stream.onnx", "graphs/step.onnx"):
        assert (kept.bundle / name).stat().st_nlink > 1
    assert kept.report["one_hop_max_difference"] <= CLOSE
    assert (kept.file.parent / "step.onnx").is_file()


def test_a_bundle_from_before_gets_its_graph_for_one_hop_with_an_export(
    bundle: Path, tmp_path: Path
) -> None:
    old = tmp_path / "1"
    shutil.copytree(bundle, old)
    tree = json.loads((old / FILE).read_text())
    del tree["graphs"]["step"], tree["files"]["graphs/step.onnx"]
    tree["version"] = 1
    (old / FILE).write_text(json.dumps(tree))
    (old / "graphs" / "step.onnx").unlink()
    before = StreamGraph(Card.read(old))
    assert before.one_hop is None
    after = StreamGraph(Card.read(export(old, Form(format="onnx", mode="stream")).bundle))
    assert after.one_hop is not None
    heard = np.random.default_rng(0).uniform(-0.5, 0.5, 50 * before.stream.hop).astype(np.float32)
    one, other = (graph.open() for graph in (before, after))
    for part in np.split(heard, 50):
        np.testing.assert_allclose(one.push(part), other.push(part), atol=CLOSE)


def test_without_data_it_is_proved_on_the_clips_of_the_bundle(bundle: Path, tmp_path: Path) -> None:
    kept = export(bundle, Form(format="onnx", mode="whole"), out=tmp_path / "copy")
    assert kept.report["accuracy"] is None
    assert "of the bundle" in kept.report["proved_on"]
    assert (tmp_path / "copy" / "onnx-whole.onnx").read_bytes() == kept.file.read_bytes()


def test_a_model_for_whole_clips_cannot_be_exported_as_a_stream(
    words: Manifest, tmp_path: Path
) -> None:
    outcome = runs.train(
        SMALL, words, out=tmp_path / "run", overrides=["fit.epochs=1"], rehearsal=False
    )
    assert outcome is not None
    with pytest.raises(ExportError, match="does not stream"):
        export(outcome.bundle, Form(format="onnx", mode="stream"))
    assert [path.name for path in outcome.bundle.parent.iterdir()] == ["1"]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"format": "onnx", "mode": "stream-internal"}, "no state inside"),
        ({"format": "saved_model", "int8": True}, "a SavedModel is float"),
        ({"format": "coreml"}, "'coreml' is not one of onnx, tflite, saved_model"),
        ({"format": "onnx", "mode": "live"}, "'live' is not one of"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_loaded(
    settings: dict[str, object], reason: str
) -> None:
    with pytest.raises(ExportError, match=reason):
        Form(**settings)  # type: ignore[arg-type]


def test_a_device_with_its_own_front_end_wants_a_model_that_was_trained_behind_it(
    bundle: Path,
) -> None:
    word = WakeWord(
        wake_word="High",
        author="",
        website="",
        trained_languages=("en",),
        probability_cutoff=0.5,
    )
    with pytest.raises(ExportError, match=r"front_end\.name=micro"):
        export_esphome(bundle, word)
    assert "esphome" not in Card.read(bundle.parent / "1").exports


def test_a_form_is_found_by_its_name_and_a_strange_one_refused() -> None:
    for form in (*FLOAT_FORMS, *INT8_FORMS):
        assert Form.named(form.name) == form
    with pytest.raises(ExportError, match="coreml-whole: is no form"):
        Form.named("coreml-whole")


def test_an_export_that_cannot_be_made_stops_a_training_before_it_begins(
    words: Manifest, tmp_path: Path
) -> None:
    with pytest.raises(ExportError, match="does not stream"):
        runs.train(SMALL, words, out=tmp_path / "run", overrides=["exports=['onnx-stream']"])
    assert not (tmp_path / "run" / "metrics.jsonl").exists()


def test_an_export_that_was_asked_for_is_in_the_bundle_of_the_training(
    words: Manifest, tmp_path: Path
) -> None:
    outcome = runs.train(
        SMALL_STREAM,
        words,
        out=tmp_path / "run",
        overrides=["fit.epochs=1", "exports=['tflite-stream']"],
    )
    assert outcome is not None
    assert "tflite-stream" in Card.read(outcome.bundle).exports
