"""Every network for speakers in small, ready to answer, and utterances that differ in length."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn

from settled import settled
from sonant.models.deep_speaker_gru import DeepSpeakerGRUConfig
from sonant.models.ecapa import EcapaConfig
from sonant.models.embedder import SpeakerEmbedder
from sonant.models.embedders import EmbedderConfig, build_embedder
from sonant.models.rescnn import ResCNNConfig
from sonant.models.tdnn import TdnnConfig
from sonant.models.tdnn_stream import TdnnStreamConfig
from sonant.models.vector_heads import DenseHeadConfig, TdnnConvHeadConfig
from sonant.nn.utterance_config import UtteranceConfig, UtteranceFeatures

RATE_HZ: Final = 16_000
LENGTHS: Final = (9_000, 4_321, 250, 6_400)
"""In samples; one is shorter than a window."""
TRUNK: Final = ResCNNConfig(stages=(4, 6), blocks=1, size=24)
SMALL: Final[dict[str, EmbedderConfig]] = {
    "rescnn": ResCNNConfig(stages=(4, 6, 8, 10), blocks=1, size=12),
    "deep_speaker_gru": DeepSpeakerGRUConfig(channels=4, hidden=10, layers=2, size=12),
    "tdnn": TdnnConfig(channels=(10, 10, 10, 10, 14), size=12),
    "tdnn_stream": TdnnStreamConfig(channels=(10, 10, 10, 10, 14), size=12),
    "ecapa": EcapaConfig(channels=16, groups=4, bottleneck=6, aggregated=20, size=12),
    "tdnn_conv_head": TdnnConvHeadConfig(trunk=TRUNK, channels=(4, 6), size=8),
    "dense_head": DenseHeadConfig(trunk=TRUNK, units=(10,), size=8),
}


def features_of(name: str) -> UtteranceConfig:
    return UtteranceConfig(mels=16, mean="running" if name == "tdnn_stream" else "utterance")


def small_embedder(name: str, features: UtteranceFeatures | None = None) -> SpeakerEmbedder:
    """The same weights every time, in evaluation mode, with norms that have seen data."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        embedder = build_embedder(features or features_of(name), SMALL[name], rate_hz=RATE_HZ)
        for part in embedder.modules():
            if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
                nn.init.normal_(part.weight, 1, 0.3)
                nn.init.normal_(part.bias, 0, 0.3)
        samples, _ = utterances()
        settled(embedder, samples[..., : min(LENGTHS[0], LENGTHS[3])])
    return embedder


def utterances() -> tuple[Tensor, Tensor]:
    """Noise whose colour differs from one to the next, [4, 1, 9000], and lengths."""
    draw = torch.Generator().manual_seed(0)
    noise = torch.randn(len(LENGTHS), 1, LENGTHS[0] + 3, generator=draw)
    mixed = [
        noise[number, :, 3:] * 0.1 + share * noise[number, :, : LENGTHS[0]]
        for number, share in enumerate((0.0, 0.1, 0.2, -0.1))
    ]
    swelling = torch.linspace(0.2, 1.0, LENGTHS[0])
    return torch.stack(mixed) * swelling, torch.tensor(LENGTHS)
