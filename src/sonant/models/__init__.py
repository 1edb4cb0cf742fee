"""Networks: features [batch, bins, frames] in, logits [batch, labels] out; one file each.

To add one: write its file, then a line in `ModelConfig` and a row in `MODELS`.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from torch import nn

from sonant.errors import ModelError
from sonant.models.kws_cnn import KwsCNN, KwsCNNConfig
from sonant.models.mobilenet_v3_small import MobileNetV3Small, MobileNetV3SmallConfig
from sonant.models.resnet18 import ResNet18, ResNet18Config
from sonant.models.spectral_cnn import SpectralCNN, SpectralCNNConfig
from sonant.models.spectral_lstm import SpectralLSTM, SpectralLSTMConfig
from sonant.models.spectrogram_cnn import SpectrogramCNN, SpectrogramCNNConfig

ModelConfig: TypeAlias = (
    SpectrogramCNNConfig
    | SpectralLSTMConfig
    | SpectralCNNConfig
    | KwsCNNConfig
    | ResNet18Config
    | MobileNetV3SmallConfig
)
"""The settings of any network."""

MODELS: Final[dict[str, tuple[type[ModelConfig], type[nn.Module]]]] = {
    "spectrogram_cnn": (SpectrogramCNNConfig, SpectrogramCNN),
    "spectral_lstm": (SpectralLSTMConfig, SpectralLSTM),
    "spectral_cnn": (SpectralCNNConfig, SpectralCNN),
    "kws_cnn": (KwsCNNConfig, KwsCNN),
    "resnet18": (ResNet18Config, ResNet18),
    "mobilenet_v3_small": (MobileNetV3SmallConfig, MobileNetV3Small),
}
"""Every network by the name a recipe calls it."""


def build(config: ModelConfig, *, bins: int, frames: int, labels: int) -> nn.Module:
    """The network a config describes, with fresh weights, for features [batch, bins, frames].

    Raises `ModelError` when a layer would have nothing left to look at, naming the layer and what
    to change, and when there is nothing to look at or to answer. `pretrained` weights are not read
    here.
    """
    for name, value in {"bins": bins, "frames": frames, "labels": labels}.items():
        if value < 1:
            raise ModelError(
                f"{name}: {value}, but a network needs 1 or more; see the front end and the data"
            )
    networks = dict(MODELS.values())
    return networks[type(config)](config, bins=bins, frames=frames, labels=labels)
