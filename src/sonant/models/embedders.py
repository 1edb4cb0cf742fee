"""Networks for speakers by name, and the whole model around one."""

from __future__ import annotations

from typing import Final, TypeAlias

from torch import nn

from sonant.models.deep_speaker_gru import DeepSpeakerGRU, DeepSpeakerGRUConfig
from sonant.models.ecapa import Ecapa, EcapaConfig
from sonant.models.embedder import SpeakerEmbedder, StreamingSpeakerEmbedder
from sonant.models.rescnn import ResCNN, ResCNNConfig
from sonant.models.tdnn import Tdnn, TdnnConfig
from sonant.models.tdnn_stream import TdnnStream, TdnnStreamConfig
from sonant.models.vector_heads import (
    DenseHead,
    DenseHeadConfig,
    TdnnConvHead,
    TdnnConvHeadConfig,
)
from sonant.nn.streaming import Streamable
from sonant.nn.streaming_utterance import StreamingUtteranceFrontEnd
from sonant.nn.utterance import UtteranceFrontEnd
from sonant.nn.utterance_config import UtteranceFeatures

EmbedderConfig: TypeAlias = (
    ResCNNConfig
    | DeepSpeakerGRUConfig
    | TdnnConfig
    | TdnnStreamConfig
    | EcapaConfig
    | TdnnConvHeadConfig
    | DenseHeadConfig
)
"""The settings of any network for speakers."""

EMBEDDERS: Final[dict[str, tuple[type[EmbedderConfig], type[nn.Module]]]] = {
    "rescnn": (ResCNNConfig, ResCNN),
    "deep_speaker_gru": (DeepSpeakerGRUConfig, DeepSpeakerGRU),
    "tdnn": (TdnnConfig, Tdnn),
    "tdnn_stream": (TdnnStreamConfig, TdnnStream),
    "ecapa": (EcapaConfig, Ecapa),
    "tdnn_conv_head": (TdnnConvHeadConfig, TdnnConvHead),
    "dense_head": (DenseHeadConfig, DenseHead),
}
"""Every network for speakers by the name a recipe calls it."""


def build_embedder(
    front_end: UtteranceFeatures, config: EmbedderConfig, *, rate_hz: int
) -> SpeakerEmbedder:
    """The speaker model that the settings describe, with fresh weights.

    One whose network streams is a `StreamingSpeakerEmbedder`. Raises `ModelError` for settings that do
    not fit each other.
    """
    kind = dict(EMBEDDERS.values())[type(config)]
    network = kind(config, bins=front_end.mels)
    if isinstance(network, Streamable):
        return StreamingSpeakerEmbedder(
            StreamingUtteranceFrontEnd(front_end, rate_hz=rate_hz), network
        )
    return SpeakerEmbedder(UtteranceFrontEnd(front_end, rate_hz=rate_hz), network)
