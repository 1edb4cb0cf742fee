"""The whole-clip graph answers as the stored answers say, and refuses what does not fit it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from bundles import SAMPLES, TONES_HZ, answers, card_values, tone, tone_graph, write_bundle
from sonant.card import Card
from sonant.errors import BundleError
from sonant.runtime.graph import WholeGraph, check_golden

LABELS = tuple(TONES_HZ)


@pytest.fixture
def graph(tiny_bundle: Path) -> WholeGraph:
    return WholeGraph(Card.read(tiny_bundle), threads=1)


def noise(clips: int) -> np.ndarray:
    generator = np.random.default_rng(0)
    return (0.01 * generator.standard_normal((clips, SAMPLES))).astype(np.float32)


@pytest.mark.parametrize("clips", [1, 2, 7])
def test_any_number_of_clips_is_answered_at_once(graph: WholeGraph, clips: int) -> None:
    given = graph.probabilities(noise(clips))
    assert given.dtype == np.float32
    np.testing.assert_allclose(given, answers(noise(clips), LABELS), atol=1e-6)


def test_a_batch_mate_never_changes_an_answer(graph: WholeGraph) -> None:
    clips = np.stack([tone("low"), *noise(2)])
    alone = np.concatenate([graph.probabilities(clip[None]) for clip in clips])
    np.testing.assert_allclose(graph.probabilities(clips), alone, atol=1e-6)


def test_no_clips_have_no_answers(graph: WholeGraph) -> None:
    assert graph.probabilities(np.zeros((0, SAMPLES), np.float32)).shape == (0, 3)


@pytest.mark.parametrize(
    ("samples", "reason"),
    [
        (np.zeros(SAMPLES, np.float32), r"wants samples \[batch, 16000\], not \[16000\]"),
        (np.zeros((1, 8000), np.float32), r"wants samples \[batch, 16000\], not \[1, 8000\]"),
        (np.zeros((1, SAMPLES)), "wants float32, not float64"),
    ],
)
def test_samples_that_do_not_fit_are_refused(graph: WholeGraph, samples: Any, reason: str) -> None:
    with pytest.raises(BundleError, match=reason):
        graph.probabilities(samples)


def changed_graph(tmp_path: Path, **change: object) -> Card:
    spec = {**card_values("tones", 1, LABELS)["graphs"]["whole"], **change}
    return Card.read(write_bundle(tmp_path, changes={"graphs": {"whole": spec}}))


def test_names_of_the_card_must_be_those_of_the_graph(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="has no input 'audio'; there: samples"):
        WholeGraph(changed_graph(tmp_path / "a", input="audio"))
    with pytest.raises(BundleError, match="has no output 'logits'; there: probabilities"):
        WholeGraph(changed_graph(tmp_path / "b", output="logits"))


def test_sizes_of_the_card_must_be_those_of_the_graph(tmp_path: Path) -> None:
    shorter = {"audio": {"rate_hz": 16_000, "samples": 8000, "pad": "end", "crop": "start"}}
    with pytest.raises(BundleError, match=r"input 'samples' is .*16000.*, want \[batch, 8000\]"):
        WholeGraph(Card.read(write_bundle(tmp_path / "a", changes=shorter)))
    with pytest.raises(BundleError, match=r"output 'probabilities' is .*3.*, want \[batch, 2\]"):
        WholeGraph(Card.read(write_bundle(tmp_path / "b", changes={"labels": ["high", "low"]})))


def test_a_graph_for_one_clip_only_is_refused(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path, graph=tone_graph(LABELS, batch=1))
    with pytest.raises(
        BundleError, match=r"input 'samples' is \[1, 16000\], want \[batch, 16000\]"
    ):
        WholeGraph(Card.read(folder))


def test_a_bundle_without_the_graph_says_which_it_has(tmp_path: Path) -> None:
    spec = card_values("tones", 1, LABELS)["graphs"]["whole"]
    folder = write_bundle(tmp_path, changes={"graphs": {"step": spec}})
    with pytest.raises(BundleError, match=r"has no graph 'whole' \(there: step\)"):
        WholeGraph(Card.read(folder))


def test_what_onnxruntime_cannot_open_is_a_bundle_error(tiny_bundle: Path) -> None:
    card = Card.read(tiny_bundle)
    (tiny_bundle / "graphs" / "whole.onnx").write_bytes(b"not a graph")
    with pytest.raises(BundleError, match=r"whole\.onnx: onnxruntime cannot open it"):
        WholeGraph(card)


def test_a_graph_that_fails_on_the_way_is_a_bundle_error(tmp_path: Path) -> None:
    graph = tone_graph(LABELS)
    # Nine numbers a row: that works out for every third clip only.
    graph.graph.initializer.append(onnx.numpy_helper.from_array(np.array([-1, 9]), "nine"))
    graph.graph.initializer.append(onnx.numpy_helper.from_array(np.array([-1, 3]), "rows"))
    graph.graph.node.insert(3, onnx.helper.make_node("Reshape", ["logits", "nine"], ["flat"]))
    graph.graph.node.insert(4, onnx.helper.make_node("Reshape", ["flat", "rows"], ["back"]))
    graph.graph.node[5].input[0] = "back"
    card = Card.read(write_bundle(tmp_path, graph=graph))
    with pytest.raises(BundleError, match=r"whole\.onnx: failed"):
        WholeGraph(card).probabilities(noise(2))
    assert WholeGraph(card).probabilities(noise(3)).shape == (3, 3)


def test_the_golden_answers_are_given_again(tiny_bundle: Path) -> None:
    card = Card.read(tiny_bundle)
    assert check_golden(card) <= card.graphs["whole"].max_difference


def test_the_golden_difference_is_the_largest(tiny_bundle: Path) -> None:
    card = Card.read(tiny_bundle)
    with np.load(tiny_bundle / "golden.npz") as golden:
        samples, probabilities = golden["samples"], golden["probabilities"]
    probabilities[1, 2] += 0.25
    np.savez(tiny_bundle / "golden.npz", samples=samples, probabilities=probabilities)
    assert check_golden(card) == pytest.approx(0.25, abs=1e-5)


@pytest.mark.parametrize(
    ("arrays", "reason"),
    [
        ({"samples": noise(1)}, "cannot be read"),
        (
            {"samples": noise(1), "probabilities": np.zeros((2, 3), np.float32)},
            r"are \[2, 3\], not",
        ),
        ({"samples": noise(1), "probabilities": np.full((1, 3), np.nan)}, "is not a number"),
        ({"samples": noise(1), "probabilities": np.array([{}])}, "cannot be read"),
    ],
)
def test_golden_answers_that_make_no_sense_are_refused(
    tiny_bundle: Path, arrays: dict[str, Any], reason: str
) -> None:
    card = Card.read(tiny_bundle)
    np.savez(tiny_bundle / "golden.npz", **arrays)
    with pytest.raises(BundleError, match=rf"golden\.npz: .*{reason}"):
        check_golden(card)
