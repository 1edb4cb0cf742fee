"""Weights of torchvision from a local file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from sonant.errors import ModelError
from sonant.models import build
from sonant.models.mobilenet_v3_small import MobileNetV3SmallConfig
from sonant.models.pretrained import ENDS, load_pretrained
from sonant.models.resnet18 import ResNet18Config
from sonant.models.spectral_lstm import SpectralLSTMConfig

CONFIGS = {"resnet18": ResNet18Config, "mobilenet_v3_small": MobileNetV3SmallConfig}
BOTH = pytest.mark.parametrize("name", CONFIGS)
Weights = dict[str, Tensor]


def fresh(name: str, *, channels: int = 3, labels: int = 35) -> nn.Module:
    return build(CONFIGS[name](input_channels=channels), bins=64, frames=32, labels=labels)


def file_of(weights: object, folder: Path, *, name: str = "weights.pth") -> Path:
    torch.save(weights, folder / name)
    return folder / name


@BOTH
@pytest.mark.parametrize("ending", [".pth", ".safetensors"])
def test_a_whole_file_gives_torchvisions_answer(
    name: str, ending: str, tmp_path: Path, peer: Any
) -> None:
    path, weights = tmp_path / f"weights{ending}", peer.weights(name)
    if ending == ".pth":
        torch.save(weights, path)
    else:
        save_file(weights, path)
    network = fresh(name)
    load_pretrained(network, path)
    torch.testing.assert_close(peer.answer(network), peer.arrays[name], atol=1e-4, rtol=1e-4)


@BOTH
def test_folded_for_one_channel_it_answers_as_with_three_equal_ones(
    name: str, tmp_path: Path, peer: Any
) -> None:
    network = fresh(name, channels=1)
    load_pretrained(network, file_of(peer.weights(name), tmp_path))
    torch.testing.assert_close(peer.answer(network), peer.arrays[name], atol=1e-3, rtol=1e-3)


@BOTH
def test_other_classes_keep_the_fresh_head_and_take_all_else(
    name: str, tmp_path: Path, peer: Any
) -> None:
    network, weights = fresh(name, labels=8), peer.weights(name)
    before = {key: weight.clone() for key, weight in network.state_dict().items()}
    load_pretrained(network, file_of(weights, tmp_path))
    head = f"{ENDS[type(network)].head}."
    for key, weight in network.state_dict().items():
        expected = before[key] if key.startswith(head) else weights[key]
        assert torch.equal(weight, expected.to(weight.dtype)), key


def test_files_from_before_the_batch_counters_load(tmp_path: Path, peer: Any) -> None:
    weights = {key: w for key, w in peer.weights("resnet18").items() if "num_batches" not in key}
    assert len(weights) == 102
    network = fresh("resnet18")
    load_pretrained(network, file_of(weights, tmp_path))
    expected = peer.arrays["resnet18"]
    torch.testing.assert_close(peer.answer(network), expected, atol=1e-4, rtol=1e-4)


def without(name: str) -> Callable[[Weights], Weights]:
    return lambda weights: {key: weight for key, weight in weights.items() if key != name}


def put(name: str, *shape: int) -> Callable[[Weights], Weights]:
    return lambda weights: weights | {name: torch.zeros(shape)}


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (without("layer3.0.bn1.weight"), ["lacks 1, as layer3.0.bn1.weight"]),
        (without("fc.bias"), ["lacks 1, as fc.bias"]),
        (put("layer5.weight", 3), ["has unknown 1, as layer5.weight"]),
        (
            put("layer1.0.conv1.weight", 64, 64, 5, 5),
            ["layer1.0.conv1.weight", "[64, 64, 5, 5]", "[64, 64, 3, 3]"],
        ),
        (put("fc.weight", 35, 2048), ["fc.weight", "[35, 2048]", "[35, 512]"]),
        (put("fc.weight", 1000, 2048), ["fc.weight", "[1000, 2048]", "[35, 512]"]),
        (put("fc.bias", 34), ["fc.bias", "[34]", "[35]"]),
        (put("conv1.weight", 64, 4, 7, 7), ["conv1.weight", "[64, 4, 7, 7]", "[64, 1, 7, 7]"]),
        (put("conv1.weight", 32, 3, 7, 7), ["conv1.weight", "[32, 3, 7, 7]", "[64, 1, 7, 7]"]),
    ],
)
def test_what_does_not_fit_is_named_and_nothing_is_changed(
    damage: Callable[[Weights], Weights], said: list[str], tmp_path: Path, peer: Any
) -> None:
    network = fresh("resnet18", channels=1)
    before = {key: weight.clone() for key, weight in network.state_dict().items()}
    path = file_of(damage(peer.weights("resnet18")), tmp_path)
    with pytest.raises(ModelError) as refused:
        load_pretrained(network, path)
    for part in [str(path), *said]:
        assert part in str(refused.value)
    assert all(torch.equal(weight, before[key]) for key, weight in network.state_dict().items())


def test_weights_of_another_network_are_refused(tmp_path: Path, peer: Any) -> None:
    path = file_of(peer.weights("mobilenet_v3_small"), tmp_path)
    with pytest.raises(ModelError, match="not those of this network"):
        load_pretrained(fresh("resnet18"), path)


class Trap:
    """What a hostile file would hold: a call that is made while it is read."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.mark,)


def test_a_file_with_code_in_it_is_refused_and_the_code_not_run(tmp_path: Path) -> None:
    mark = tmp_path / "the code ran"
    path = file_of({"conv1.weight": Trap(mark)}, tmp_path)
    with pytest.raises(ModelError, match="cannot be read as weights"):
        load_pretrained(fresh("resnet18"), path)
    assert not mark.exists()


@pytest.mark.parametrize("name", ["weights.pth", "weights.safetensors"])
@pytest.mark.parametrize("content", [b"", b"<html>404</html>", bytes(100)])
def test_a_damaged_file_is_refused(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelError, match=f"{name}: cannot be read as weights"):
        load_pretrained(fresh("resnet18"), tmp_path / name)


@pytest.mark.parametrize("tree", [{"state_dict": {"a": 1}}, [torch.zeros(1)], {1: torch.zeros(1)}])
def test_a_checkpoint_of_more_than_weights_is_refused(tree: object, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"save `model.state_dict\(\)` itself"):
        load_pretrained(fresh("resnet18"), file_of(tree, tmp_path))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"nowhere.pth: no such file"):
        load_pretrained(fresh("resnet18"), tmp_path / "nowhere.pth")


def test_a_network_that_torchvision_does_not_know_is_refused(tmp_path: Path) -> None:
    network = build(SpectralLSTMConfig(), bins=8, frames=8, labels=2)
    with pytest.raises(ModelError, match="SpectralLSTM takes no weights of torchvision"):
        load_pretrained(network, tmp_path / "weights.pth")
