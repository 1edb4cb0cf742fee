"""Networks that convert voices by name, and the whole converter around one."""

from __future__ import annotations

from typing import Final, TypeAlias

from torch import nn

from sonant.models.again_vc import AgainVC, AgainVCConfig
from sonant.models.converter import VoiceConverter
from sonant.nn.voice_mel import VoiceMel, VoiceMelFrontEnd

ConverterConfig: TypeAlias = AgainVCConfig
"""The settings of any network that converts voices."""

CONVERTERS: Final[dict[str, tuple[type[ConverterConfig], type[nn.Module]]]] = {
    "again_vc": (AgainVCConfig, AgainVC),
}
"""Every network that converts voices by the name a recipe calls it."""


def build_converter(
    front_end: VoiceMel, config: ConverterConfig, *, rate_hz: int
) -> VoiceConverter:
    """The converter that the settings describe, with fresh weights.

    Raises `ModelError` for settings that do not fit each other.
    """
    kind = dict(CONVERTERS.values())[type(config)]
    network = kind(config, mels=front_end.mels)
    return VoiceConverter(VoiceMelFrontEnd(front_end, rate_hz=rate_hz), network)
