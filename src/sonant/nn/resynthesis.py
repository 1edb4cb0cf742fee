"""Sound again from a mel spectrogram and another sound's phases, so that gradients pass."""

from __future__ import annotations

from typing import final

import numpy as np
import torch
from torch import Tensor, nn

from sonant.errors import ModelError
from sonant.nn.voice_mel import VoiceMel, bank_of


@final
class Resynthesis(nn.Module):
    """Log magnitudes [batch, mels, frames] and a sound [batch, samples] -> samples [batch, samples].

    Magnitudes come from the pseudo-inverse of the filters, phases from the sound, which must last as
    long: a mel of converted speech with those of its source is heard by another model, as of speakers,
    by that model's own front end. For a loss, and not for ears: it is as good as its phases.
    """

    inverse: Tensor
    window: Tensor

    def __init__(self, config: VoiceMel, *, rate_hz: int) -> None:
        super().__init__()
        self.config = config
        inverse = np.linalg.pinv(bank_of(config, rate_hz=rate_hz))
        self.register_buffer("inverse", torch.from_numpy(inverse).float(), persistent=False)
        window = torch.hann_window(config.window_length)
        self.register_buffer("window", window, persistent=False)

    def forward(self, mel: Tensor, sound: Tensor) -> Tensor:
        """Samples with the mel's magnitudes; raises `ModelError` where the two differ in length."""
        length, hop = self.config.window_length, self.config.hop_length
        frames = 1 + sound.shape[-1] // hop
        if mel.shape[-1] != frames:
            raise ModelError(
                f"a mel of {mel.shape[-1]} frames and a sound of {sound.shape[-1]} samples, which has "
                f"{frames}, are not one utterance"
            )
        with torch.no_grad():
            spectrum = torch.stft(
                sound.float(),
                length,
                hop,
                window=self.window,
                pad_mode="constant",
                return_complex=True,
            )
            phases = torch.polar(torch.ones_like(spectrum.real), spectrum.angle())
        magnitudes = (mel.float().exp().transpose(1, 2) @ self.inverse).clamp(min=0.0)
        return torch.istft(
            magnitudes.transpose(1, 2) * phases,
            length,
            hop,
            window=self.window,
            length=sound.shape[-1],
        )
