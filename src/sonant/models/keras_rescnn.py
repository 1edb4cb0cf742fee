"""Weights of a ResCNN that Keras trained, from a local .h5 file: all of them, or none.

For files of philipperemy/deep-speaker, as `ResCNN_triplet_training_checkpoint_265.h5`, and all that its
`save_weights` or `save` of Keras 2 wrote. Nothing is downloaded. Layers of Keras are called `conv64-s`,
`conv64-s_bn`, `res1_0_branch_2a`, `res1_0_branch_2a_bn` and so on up to `affine`; kernels are [time,
frequency, inputs, outputs] there, and the dense layer reads bins, within a bin channels. The answers are
those of Keras for features by `DeepSpeakerFeaturesConfig` whose number of frames is a multiple of 16.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sonant.errors import MissingExtra, ModelError
from sonant.models.rescnn import ResCNN

Array = NDArray[np.float32]

EXTRA: Final = "keras"
HEAD: Final = re.compile(r"dense(_\d+)?")
"""The layer that names training speakers, behind the embedding: known, and not taken."""
ASIDE: Final = ("optimizer_weights", "top_level_model_weights")
"""Groups of a whole saved model that hold no layers."""
NORM: Final = {
    "weight": "gamma",
    "bias": "beta",
    "running_mean": "moving_mean",
    "running_var": "moving_variance",
}
"""What the tensors of a norm are called in torch, and in Keras."""
TOLERANCE: Final = 1e-4
"""Largest difference of a value of an embedding from the golden one."""


def load_keras_rescnn(network: ResCNN, path: Path | str) -> None:
    """Fill a network with the weights of a Keras file, in place; all of them or, on an error, none.

    Every layer and shape must match; only the softmax over training speakers, a layer called `dense`, is
    left. Raises `ModelError` naming the tensor and both shapes, and `MissingExtra` without h5py.
    """
    path = Path(path)
    given = _read(path)
    wanted = names_in_keras(network)
    _same_names(set(wanted.values()), given, path=path)
    weights = network.state_dict()
    for name, keras in wanted.items():
        value = _turned(given[keras])
        if value.shape != weights[name].shape:
            raise ModelError(
                f"{path}: {keras} is {list(given[keras].shape)}, but this network's {name} wants "
                f"{list(_turned_back(weights[name]).shape)}; take the width, stages and size it was "
                f"trained with"
            )
        if not np.isfinite(given[keras]).all():
            raise ModelError(f"{path}: {keras} holds values that are no finite numbers")
        weights[name] = value
    network.load_state_dict(weights)


@torch.no_grad()
def verify_golden(network: ResCNN, features: Array, embedding: Array) -> float:
    """Hold a network against an embedding that Keras gave; returns the largest difference of a value.

    `features` is [utterances, frames, bins] as Keras has them, `embedding` [utterances, size], of length
    1. Raises `ModelError` above `TOLERANCE`: the weights are in place, but mean something else.
    """
    was = network.training
    image = torch.from_numpy(np.ascontiguousarray(features)).float().transpose(1, 2)
    mask = image.new_ones(image.shape[0], image.shape[2])
    given = torch.nn.functional.normalize(network.eval()(image, mask), dim=1)
    network.train(was)
    worst = float((given - torch.from_numpy(embedding)).abs().max())
    if not worst <= TOLERANCE:
        raise ModelError(
            f"the network differs from the golden embedding by {worst:.2g} (allowed: {TOLERANCE:g}); "
            f"these weights are not those that it was made with, or the features are other ones"
        )
    return worst


def names_in_keras(network: ResCNN) -> dict[str, str]:
    """For every tensor of the network, by its own name, layer and weight of Keras: `affine/kernel`."""
    names: dict[str, str] = {}
    for number, stage in enumerate(network.stages, start=1):
        own = f"stages.{number - 1}."
        channels = network.get_parameter(f"{own}halve.conv.weight").shape[0]
        names |= _pair(f"{own}halve.conv", f"{own}halve.norm", f"conv{channels}-s")
        for block in range(len(stage.blocks)):  # type: ignore[arg-type]
            for ours, theirs in (("first", "2a"), ("second", "2b")):
                inside = f"{own}blocks.{block}.{ours}"
                keras = f"res{number}_{block}_branch_{theirs}"
                names |= _pair(inside, f"{inside}_norm", keras)
    return names | _layer("affine", "affine")


def _pair(conv: str, norm: str, keras: str) -> dict[str, str]:
    return _layer(conv, keras) | {f"{norm}.{a}": f"{keras}_bn/{b}" for a, b in NORM.items()}


def _layer(own: str, keras: str) -> dict[str, str]:
    return {f"{own}.weight": f"{keras}/kernel", f"{own}.bias": f"{keras}/bias"}


def _read(path: Path) -> dict[str, Array]:
    """Every weight of the file by layer and name, without the softmax."""
    try:
        import h5py
    except ImportError as error:
        raise MissingExtra("h5py", extra=EXTRA, purpose="reading weights of Keras") from error
    if not path.is_file():
        raise ModelError(f"{path}: no such file; give the path of downloaded weights")
    try:
        with h5py.File(path, "r") as file:
            tree = file.get("model_weights", file)
            return {name: value for name, value in _weights(tree) if not _of_head(name)}
    except OSError as error:
        raise ModelError(f"{path}: cannot be read as HDF5 ({error})") from error


def _weights(tree: Any) -> Iterator[tuple[str, Array]]:
    """Layer/weight and value, however deep Keras nested them."""
    import h5py

    for layer, group in tree.items():
        if layer in ASIDE:
            continue
        pending = [(layer, group)]
        while pending:
            name, place = pending.pop()
            if isinstance(place, h5py.Group):
                pending.extend(place.items())
            else:
                yield f"{layer}/{name.split(':')[0]}", np.asarray(place, np.float32)


def _of_head(name: str) -> bool:
    return HEAD.fullmatch(name.split("/")[0]) is not None


def _same_names(wanted: set[str], given: dict[str, Array], *, path: Path) -> None:
    if missing := sorted(wanted - given.keys()):
        raise ModelError(
            f"{path}: {missing[0]} is not in it, nor are {len(missing) - 1} other weights of this "
            f"network; take the width and stages it was trained with"
        )
    if more := sorted(given.keys() - wanted):
        raise ModelError(
            f"{path}: {more[0]} has no place in this network, nor have {len(more) - 1} other weights; "
            f"take the width and stages it was trained with"
        )


def _turned(value: Array) -> Tensor:
    """As torch has it: kernels [time, frequency, inputs, outputs] -> [outputs, inputs, frequency, time]."""
    return torch.from_numpy(np.ascontiguousarray(value.transpose()))


def _turned_back(weight: Tensor) -> Tensor:
    return weight.permute(*reversed(range(weight.dim())))
