"""Weights that Keras trained: all of them, in their places, or a refusal that names the tensor."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sonant.errors import MissingExtra, ModelError
from sonant.models.keras_rescnn import load_keras_rescnn, names_in_keras, verify_golden
from sonant.models.rescnn import ResCNN, ResCNNConfig

h5py = pytest.importorskip("h5py", reason="h5py of the extra 'keras' is not installed")
REFERENCE = Path(__file__).parent / "reference"
PEER = runpy.run_path(str(REFERENCE / "make_keras_rescnn.py"))
Layers = dict[str, dict[str, np.ndarray]]


def weights() -> Layers:
    """What Keras had when it gave the golden embedding."""
    return {
        layer: {kind: PEER["seeded"](f"{layer}/{kind}", shape) for kind, shape in kinds.items()}
        for layer, kinds in PEER["layers"]().items()
    }


def written(path: Path, layers: Layers, *, inside: str = "", nested: bool = True) -> Path:
    """As Keras lays it out: a group a layer, in it the weights by their whole names."""
    with h5py.File(path, "w") as file:
        tree = file.create_group(inside) if inside else file
        tree.attrs["layer_names"] = [layer.encode() for layer in (*layers, "clipped_relu_0")]
        tree.create_group("clipped_relu_0").attrs["weight_names"] = []
        for layer, kinds in layers.items():
            group = tree.create_group(layer)
            names = [f"{layer}/{kind}:0" if nested else f"{kind}:0" for kind in kinds]
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name, value in zip(names, kinds.values(), strict=True):
                group[name] = value
        if inside:
            file.create_group("optimizer_weights")["iterations:0"] = np.int64(3)
    return path


def fresh(**change: Any) -> ResCNN:
    torch.manual_seed(1)
    settings = {"stages": PEER["CHANNELS"], "blocks": PEER["BLOCKS"], "size": PEER["SIZE"]}
    return ResCNN(ResCNNConfig(**(settings | change)), bins=PEER["BINS"])


def golden() -> tuple[np.ndarray, np.ndarray]:
    with np.load(REFERENCE / "keras_rescnn.npz") as arrays:
        return arrays["features"], arrays["embedding"]


@pytest.mark.parametrize("inside", ["", "model_weights"])
@pytest.mark.parametrize("nested", [True, False])
def test_with_the_weights_of_keras_it_answers_as_keras(
    tmp_path: Path, inside: str, nested: bool
) -> None:
    network = fresh()
    load_keras_rescnn(network, written(tmp_path / "k.h5", weights(), inside=inside, nested=nested))
    assert verify_golden(network, *golden()) < 1e-5


def test_the_golden_embedding_tells_when_something_else_is_meant(tmp_path: Path) -> None:
    layers = weights()
    layers["affine"]["kernel"] = layers["affine"]["kernel"][::-1].copy()
    network = fresh().train()
    load_keras_rescnn(network, written(tmp_path / "k.h5", layers))
    with pytest.raises(ModelError, match="differs from the golden embedding by"):
        verify_golden(network, *golden())
    assert network.training


def test_every_tensor_of_the_network_has_its_name_in_keras() -> None:
    network = fresh()
    names = names_in_keras(network)
    own = {name for name in network.state_dict() if not name.endswith("num_batches_tracked")}
    assert names.keys() == own
    assert len(set(names.values())) == len(names)
    assert names["stages.0.halve.conv.weight"] == "conv3-s/kernel"
    assert (
        names["stages.3.blocks.1.second_norm.running_var"] == "res4_1_branch_2b_bn/moving_variance"
    )


def drop(layers: Layers) -> None:
    del layers["res2_1_branch_2a"]


def drop_one(layers: Layers) -> None:
    del layers["conv4-s_bn"]["beta"]


def reshape(layers: Layers) -> None:
    layers["res1_0_branch_2b"]["kernel"] = np.zeros((3, 3, 3, 4), np.float32)


def add(layers: Layers) -> None:
    layers["conv7-s"] = {"bias": np.zeros(7, np.float32)}


def spoil(layers: Layers) -> None:
    layers["conv3-s"]["bias"][1] = np.nan


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (drop, r"res2_1_branch_2a/bias is not in it, nor are 1 other"),
        (drop_one, r"conv4-s_bn/beta is not in it"),
        (reshape, r"res1_0_branch_2b/kernel is \[3, 3, 3, 4\], .* wants \[3, 3, 3, 3\]"),
        (add, r"conv7-s/bias has no place"),
        (spoil, r"conv3-s/bias holds values that are no finite numbers"),
    ],
)
def test_a_mismatch_is_refused_by_the_tensor_s_name_and_changes_nothing(
    tmp_path: Path, change: Callable[[Layers], None], message: str
) -> None:
    layers = weights()
    change(layers)
    network = fresh()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with pytest.raises(ModelError, match=message):
        load_keras_rescnn(network, written(tmp_path / "k.h5", layers))
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"size": 8}, r"affine/kernel is \[24, 7\], .* wants \[24, 8\]"),
        ({"blocks": 1}, "res1_1_branch_2a/bias has no place"),
        ({"stages": (3, 4, 5)}, "conv6-s/bias has no place"),
        ({"stages": (6, 8, 10, 12)}, "conv10-s/bias is not in it"),
    ],
)
def test_a_network_of_other_settings_is_refused(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        load_keras_rescnn(fresh(**change), written(tmp_path / "k.h5", weights()))


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such file"):
        load_keras_rescnn(fresh(), tmp_path / "k.h5")
    (tmp_path / "k.h5").write_bytes(b"weights")
    with pytest.raises(ModelError, match="cannot be read as HDF5"):
        load_keras_rescnn(fresh(), tmp_path / "k.h5")


def test_without_h5py_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(MissingExtra, match=r"sonant\[keras\]"):
        load_keras_rescnn(fresh(), tmp_path / "k.h5")
