"""A fused bundle is a speaker bundle like any other, proved equal to its parts."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from other_voice import write_other
from sonant.card import Card
from sonant.errors import BundleError, ExportError
from sonant.speakers import fused_bundle, fusing
from sonant.speakers.embedding import EmbeddingGraph
from sonant.speakers.fused_bundle import Fusion
from sonant.speakers.model import SpeakerModel
from voice_bundle import write_voices

CLIPS = [
    0.1 * np.random.default_rng(seed).normal(1, 1, 8000 + 999 * seed).astype(np.float32)
    for seed in range(3)
]


@pytest.fixture(scope="module")
def fusion(tmp_path_factory: pytest.TempPathFactory) -> Fusion:
    root = tmp_path_factory.mktemp("parts")
    models = fusing.opened([write_voices(root), write_other(root)])
    return Fusion(
        name="both",
        models=models,
        weights={"voices/1": 0.7, "others/1": 0.3},
        how="given",
        norms={"voices/1": 1.0, "others/1": 2.0},
        metrics={},
    )


@pytest.fixture(scope="module")
def written(fusion: Fusion, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fused_bundle.write(fusion, tmp_path_factory.mktemp("fused"), clips=CLIPS)


def test_its_cosine_is_the_weighted_mean_of_its_parts(fusion: Fusion, written: Path) -> None:
    whole = SpeakerModel.load(written)
    cosines = {}
    for name, model in {**fusion.models, "whole": whole}.items():
        vectors = [model.embed(clip).vector.astype(float) for clip in CLIPS]
        cosines[name] = vectors[0] @ vectors[1]
    want = 0.7 * cosines["voices/1"] + 0.3 * cosines["others/1"]
    assert cosines["whole"] == pytest.approx(want, abs=1e-5)
    # Nothing is decided before it is calibrated by itself.
    assert whole.deciding.calibration is None


def test_its_card_says_what_it_was_made_of(fusion: Fusion, written: Path) -> None:
    card = Card.read(written)
    assert (card.path.name, card.task, card.model.name) == ("1", "speakers", "fusion")
    assert card.graphs["embed"].max_difference <= fused_bundle.TOLERANCE
    assert card.provenance.parent == "voices/1 + others/1"
    first, second = card.recipe["fusion"]["parts"]
    assert (first["bundle"], second["weight"], second["norm"]) == ("voices/1", 0.3, 2.0)
    part = fusion.models["others/1"].card
    digest = hashlib.sha256((part.path / "bundle.json").read_bytes()).hexdigest()
    assert second["card_sha256"] == digest
    assert second["graph_sha256"] == fusion.models["others/1"].digest
    parts = [model.card.model.parameters for model in fusion.models.values()]
    assert card.model.parameters == sum(parts)


def test_its_golden_values_are_those_of_its_graph(written: Path) -> None:
    graph = EmbeddingGraph(Card.read(written))
    with np.load(written / "golden.npz") as golden:
        assert len(golden["samples"]) == len(CLIPS)
        for row, length, want in zip(*(golden[n] for n in golden.files), strict=True):
            assert graph.embed(row[:length]).vector == pytest.approx(want, abs=1e-5)


def test_a_second_one_is_the_next_version(fusion: Fusion, written: Path) -> None:
    again = fused_bundle.write(fusion, written.parents[1], clips=CLIPS)
    assert again == written.parent / "2"
    assert (again / "graphs/embed.onnx").read_bytes() == (
        written / "graphs/embed.onnx"
    ).read_bytes()


def test_nothing_is_left_where_it_is_not_equal(
    fusion: Fusion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fused_bundle, "TOLERANCE", -1.0)
    with pytest.raises(ExportError, match="both: the fused graph differs from its parts"):
        fused_bundle.write(fusion, tmp_path, clips=CLIPS)
    assert not list((tmp_path / "both").iterdir())


def test_a_proof_takes_clips(fusion: Fusion, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="none of its parts keeps clips to prove it by"):
        fused_bundle.write(replace(fusion, name="bare"), tmp_path)
