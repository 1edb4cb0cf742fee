"""Weights that torchvision trained on ImageNet, from a local file, as the start of a training.

For `resnet18` and `mobilenet_v3_small`. Nothing is downloaded: fetch the file where you have a
network (torchvision's `ResNet18_Weights` and `MobileNet_V3_Small_Weights` name it) and give its
path as `model.pretrained`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from sonant.errors import ModelError
from sonant.models.mobilenet_v3_small import MobileNetV3Small
from sonant.models.resnet18 import ResNet18


class Ends(NamedTuple):
    """The two places where a network may differ from the one that was trained on pictures."""

    stem: str
    """The first convolution's weight, [filters, input channels, ...]."""
    head: str
    """The last layer, [labels, ...]."""


ENDS: Final[dict[type[nn.Module], Ends]] = {
    ResNet18: Ends(stem="conv1.weight", head="fc"),
    MobileNetV3Small: Ends(stem="features.0.0.weight", head="classifier.3"),
}
COUNTER: Final = "num_batches_tracked"
"""Not a weight but a count of the batches seen; files from before torch 0.4.1 lack it."""


def load_pretrained(module: nn.Module, path: Path) -> None:
    """Fill a network with the weights of a file, in place; all of them or, on an error, none.

    `.safetensors`, or `.pth` / `.pt` read as tensors only (no code in the file is ever run). Every
    name and shape must match, with two exceptions: the classifier's last layer stays as it was
    initialised when the file knows another number of classes; and a first convolution over three
    colours is folded, that is summed over them, when the network looks at one channel, which gives
    the same answer as the same features repeated three times. Raises `ModelError` naming the tensor
    and both shapes.
    """
    ends = ENDS.get(type(module))
    if ends is None:
        names = ", ".join(kind.__name__ for kind in ENDS)
        raise ModelError(
            f"pretrained: {type(module).__name__} takes no weights of torchvision; {names} do"
        )
    path = Path(path)
    own = module.state_dict()
    given = _read(path)
    _same_names(own, given, path=path)
    weights = {name: given.get(name, tensor) for name, tensor in own.items()}
    weights[ends.stem] = _folded(given[ends.stem], own[ends.stem])
    weights |= _kept_head(own, given, head=ends.head)
    _same_shapes(own, weights, path=path, kind=type(module).__name__)
    module.load_state_dict(weights)


def _read(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise ModelError(f"pretrained: {path}: no such file; give the path of downloaded weights")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        tree: object = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged or hostile file can make the readers raise anything
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise ModelError(
            f"pretrained: {path}: cannot be read as weights ({reason}); want .safetensors, or a "
            ".pth that holds a state_dict of tensors and nothing else"
        ) from error
    if not isinstance(tree, Mapping) or not all(
        isinstance(name, str) and isinstance(tensor, Tensor) for name, tensor in tree.items()
    ):
        raise ModelError(
            f"pretrained: {path}: holds more than named tensors; save `model.state_dict()` itself"
        )
    return dict(tree)


def _same_names(own: Iterable[str], given: Iterable[str], *, path: Path) -> None:
    own, given = set(own), set(given)
    missing = sorted(name for name in own - given if not name.endswith(COUNTER))
    strange = sorted(given - own)
    if missing or strange:
        parts = [
            f"{what} {len(names)}, as {names[0]}"
            for what, names in (("lacks", missing), ("has unknown", strange))
            if names
        ]
        raise ModelError(
            f"pretrained: {path}: its tensors are not those of this network: {'; '.join(parts)}"
        )


def _folded(given: Tensor, own: Tensor) -> Tensor:
    """Summed over three colours, where that makes it what a network with one channel wants."""
    colours = (own.shape[0], 3, *own.shape[2:])
    wanted = own.shape[1] == 1 and given.shape == colours
    return given.sum(dim=1, keepdim=True) if wanted else given


def _kept_head(
    own: Mapping[str, Tensor], given: Mapping[str, Tensor], *, head: str
) -> dict[str, Tensor]:
    """Our own last layer, where the file's differs in the number of classes and in nothing else."""
    weight, bias = f"{head}.weight", f"{head}.bias"
    same_inputs = given[weight].shape[1:] == own[weight].shape[1:]
    if given[weight].shape[:1] == own[weight].shape[:1] or not same_inputs:
        return {}
    return {weight: own[weight], bias: own[bias]}


def _same_shapes(
    own: Mapping[str, Tensor], weights: Mapping[str, Tensor], *, path: Path, kind: str
) -> None:
    for name, tensor in own.items():
        if weights[name].shape != tensor.shape:
            raise ModelError(
                f"pretrained: {path}: tensor {name} has shape {list(weights[name].shape)}, "
                f"but {kind} wants {list(tensor.shape)}"
            )
