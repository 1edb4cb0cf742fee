"""One graph of several: their embeddings side by side, scaled, from the same samples."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from other_voice import weighed_graph
from sonant.errors import BundleError
from sonant.speakers.merging import Part, merged
from voice_bundle import moments_graph


def part(file: Path, model: onnx.ModelProto, *, weight: float, norm: float = 1.0) -> Part:
    onnx.save(model, str(file))
    return Part(file=file, input="samples", output="embedding", weight=weight, norm=norm)


def run(model: onnx.ModelProto, clips: np.ndarray) -> dict[str, np.ndarray]:
    session = onnxruntime.InferenceSession(model.SerializeToString())
    lengths = np.full(len(clips), clips.shape[1], np.int64)
    names = [end.name for end in session.get_outputs()]
    return dict(zip(names, session.run(names, {"samples": clips, "lengths": lengths}), strict=True))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("graphs")


@given(weight=st.floats(0.05, 0.95), seed=st.integers(0, 100))
@settings(max_examples=10, deadline=None)
def test_the_cosine_is_the_weighted_mean_of_the_parts(
    folder: Path, weight: float, seed: int
) -> None:
    one = part(folder / "one.onnx", moments_graph(norm=True), weight=weight, norm=2.0)
    two = part(folder / "two.onnx", weighed_graph(), weight=1 - weight, norm=0.5)
    whole = merged([one, two])
    assert [end.name for end in whole.graph.output] == ["embedding", "norm"]
    clips = np.random.default_rng(seed).normal(0.1, 0.3, (2, 50)).astype(np.float32)
    parts = [run(onnx.load(str(each.file)), clips) for each in (one, two)]
    found = run(whole, clips)
    cosines = [answer["embedding"][0] @ answer["embedding"][1] for answer in parts]
    want = weight * cosines[0] + (1 - weight) * cosines[1]
    assert found["embedding"][0] @ found["embedding"][1] == pytest.approx(want, abs=1e-5)
    assert np.linalg.norm(found["embedding"], axis=1) == pytest.approx([1.0, 1.0], abs=1e-5)
    norms = weight * parts[0]["norm"] / 2.0 + (1 - weight) * parts[1]["norm"] / 0.5
    assert found["norm"] == pytest.approx(norms, rel=1e-5)


def test_without_a_norm_of_all_there_is_none(tmp_path: Path) -> None:
    one = part(tmp_path / "one.onnx", moments_graph(norm=True), weight=0.5)
    two = part(tmp_path / "two.onnx", weighed_graph(norm=False), weight=0.5)
    assert [end.name for end in merged([one, two]).graph.output] == ["embedding"]


def test_graphs_of_other_operators_and_files_that_are_none_are_refused(tmp_path: Path) -> None:
    one = part(tmp_path / "one.onnx", moments_graph(norm=True), weight=0.5)
    older = weighed_graph()
    older.opset_import[0].version = 17
    two = part(tmp_path / "two.onnx", older, weight=0.5)
    with pytest.raises(
        BundleError, match=r"two\.onnx: is written in operators of version 17, .*18"
    ):
        merged([one, two])
    two.file.write_bytes(b"no graph")
    with pytest.raises(BundleError, match="cannot be read as a graph"):
        merged([one, two])
