"""Networks: features [batch, bins, frames] in, logits out; one file each.

For whole clips logits are [batch, labels]; a network that streams is a `Streamable` and gives
[batch, labels, frames], an answer at every frame. To add one: write its file, then a line in
`ModelConfig` and a row in `MODELS`.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from torch import nn

from sonant.errors import ModelError
from sonant.models.att_mh_rnn import AttMHRNN, AttMHRNNConfig
from sonant.models.att_mh_rnn_whole import AttMHRNNWhole, AttMHRNNWholeConfig
from sonant.models.bc_resnet import BCResNet, BCResNetConfig
from sonant.models.bc_resnet_stream import BCResNetStream, BCResNetStreamConfig
from sonant.models.crnn import CRNN, CRNNConfig
from sonant.models.dnn import DNN, DNNConfig
from sonant.models.ds_cnn import DSCNN, DSCNNConfig
from sonant.models.ds_tc_resnet import DSTCResNet, DSTCResNetConfig
from sonant.models.gru import GRUConfig, GRUNet
from sonant.models.keyword_transformer import (
    KeywordTransformer,
    KeywordTransformerConfig,
    KeywordTransformerStream,
    KeywordTransformerStreamConfig,
)
from sonant.models.kws_cnn import KwsCNN, KwsCNNConfig
from sonant.models.lstm import LSTMConfig, LSTMNet
from sonant.models.mixednet import MixedNet, MixedNetConfig
from sonant.models.mobilenet_v3_small import MobileNetV3Small, MobileNetV3SmallConfig
from sonant.models.resnet18 import ResNet18, ResNet18Config
from sonant.models.spectral_cnn import SpectralCNN, SpectralCNNConfig
from sonant.models.spectral_lstm import SpectralLSTM, SpectralLSTMConfig
from sonant.models.spectrogram_cnn import SpectrogramCNN, SpectrogramCNNConfig
from sonant.models.svdf import SVDFConfig, SVDFNet
from sonant.models.tc_resnet import TCResNet, TCResNetConfig

ModelConfig: TypeAlias = (
    SpectrogramCNNConfig
    | SpectralLSTMConfig
    | SpectralCNNConfig
    | KwsCNNConfig
    | DNNConfig
    | CRNNConfig
    | GRUConfig
    | LSTMConfig
    | DSCNNConfig
    | SVDFConfig
    | AttMHRNNConfig
    | AttMHRNNWholeConfig
    | TCResNetConfig
    | DSTCResNetConfig
    | BCResNetConfig
    | BCResNetStreamConfig
    | MixedNetConfig
    | KeywordTransformerConfig
    | KeywordTransformerStreamConfig
    | ResNet18Config
    | MobileNetV3SmallConfig
)
"""The settings of any network."""

MODELS: Final[dict[str, tuple[type[ModelConfig], type[nn.Module]]]] = {
    "spectrogram_cnn": (SpectrogramCNNConfig, SpectrogramCNN),
    "spectral_lstm": (SpectralLSTMConfig, SpectralLSTM),
    "spectral_cnn": (SpectralCNNConfig, SpectralCNN),
    "kws_cnn": (KwsCNNConfig, KwsCNN),
    "dnn": (DNNConfig, DNN),
    "crnn": (CRNNConfig, CRNN),
    "gru": (GRUConfig, GRUNet),
    "lstm": (LSTMConfig, LSTMNet),
    "ds_cnn": (DSCNNConfig, DSCNN),
    "svdf": (SVDFConfig, SVDFNet),
    "att_mh_rnn": (AttMHRNNConfig, AttMHRNN),
    "att_mh_rnn_whole": (AttMHRNNWholeConfig, AttMHRNNWhole),
    "tc_resnet": (TCResNetConfig, TCResNet),
    "ds_tc_resnet": (DSTCResNetConfig, DSTCResNet),
    "bc_resnet": (BCResNetConfig, BCResNet),
    "bc_resnet_stream": (BCResNetStreamConfig, BCResNetStream),
    "mixednet": (MixedNetConfig, MixedNet),
    "keyword_transformer": (KeywordTransformerConfig, KeywordTransformer),
    "keyword_transformer_stream": (KeywordTransformerStreamConfig, KeywordTransformerStream),
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
