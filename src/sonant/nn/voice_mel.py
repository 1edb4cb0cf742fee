"""The mel spectrogram of a voice: what a converter changes and a vocoder makes sound of."""

from __future__ import annotations

from typing import final

from torch import Tensor, nn

from sonant.nn.frontend import FrontEnd
from sonant.nn.frontend_config import LogMelConfig
from sonant.nn.spectrum import Dft
from sonant.nn.voice_mel_config import VOICES, VoiceMel, bank_of

__all__ = ["VOICES", "VoiceMel", "VoiceMelFrontEnd", "bank_of"]


@final
class VoiceMelFrontEnd(nn.Module):
    """[batch, 1, samples], PCM in [-1, 1] -> log magnitudes [batch, mels, frames], float32.

    A window lies around each hop, with silence before the beginning and behind the end: there are
    1 + samples // hop frames, of a sound of any length. Gradients pass. Raises `ModelError` for
    settings that the sample rate does not allow.
    """

    def __init__(self, config: VoiceMel, *, rate_hz: int) -> None:
        super().__init__()
        bank_of(config, rate_hz=rate_hz)  # what is wrong with the settings is said by its own words
        self.config = config
        self.rate_hz = rate_hz
        self.front_end = FrontEnd(_log_mel(config), rate_hz=rate_hz)

    @property
    def dft(self) -> Dft:
        """Which Fourier transform runs; see `FrontEnd`."""
        return self.front_end.dft

    @dft.setter
    def dft(self, dft: Dft) -> None:
        self.front_end.dft = dft

    def forward(self, samples: Tensor) -> Tensor:
        """The frames of every sound in the batch."""
        mel: Tensor = self.front_end(samples)
        return mel


def _log_mel(config: VoiceMel) -> LogMelConfig:
    """The same as a front end of clips has them."""
    return LogMelConfig(
        window_length=config.window_length,
        hop_length=config.hop_length,
        mels=config.mels,
        min_hz=config.min_hz,
        max_hz=config.max_hz,
        floor=config.floor,
        power=1,
        log="ln",
        scale="slaney",
        norm="slaney",
        slopes="hz",
        centre=True,
        pad="zeros",
    )
