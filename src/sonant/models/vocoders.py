"""Vocoders by name, and the whole model around one: mel spectrograms in, sound out."""

from __future__ import annotations

from typing import Final, NamedTuple, TypeAlias, final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sonant.models.vocos import Vocos, VocosConfig
from sonant.nn.voice_mel import VoiceMel, VoiceMelFrontEnd

VocoderConfig: TypeAlias = VocosConfig
"""The settings of any vocoder."""

VOCODERS: Final[dict[str, tuple[type[VocoderConfig], type[Vocos]]]] = {
    "vocos": (VocosConfig, Vocos),
}
"""Every vocoder by the name a recipe calls it."""


class Made(NamedTuple):
    """What a vocoder makes of speech, with what training looks at on the way."""

    sound: Tensor
    """[batch, 1, samples]"""
    magnitudes: Tensor
    """That it gave every bin, [batch, bins, frames]: before phases had to agree."""


@final
class Vocoder(nn.Module):
    """A vocoder, with the front end that makes what it is given.

    As a module it sounds what it hears: [batch, 1, samples] -> the same shape, through its own mel.
    """

    def __init__(self, front_end: VoiceMelFrontEnd, network: Vocos) -> None:
        super().__init__()
        self.front_end, self.network = front_end, network

    @property
    def delay(self) -> int:
        """Frames that the network waits for before it answers one."""
        return int(self.network.delay)

    def sound(self, mel: Tensor) -> Tensor:
        """Log magnitudes [batch, mels, frames] -> samples [batch, frames x hop], in step with them.

        Frames lie around their hops: sample 0 is the middle of the first one's window. Behind the last
        frame there is silence.
        """
        samples: Tensor = self.network(self._heard(mel))
        return samples[:, 0, self.delay * self.front_end.config.hop_length :]

    def forward(self, samples: Tensor) -> Tensor:
        """The same speech, made anew."""
        sound = self.sound(self.front_end(samples))
        return sound[:, None, : samples.shape[-1]]

    def make(self, samples: Tensor) -> Made:
        """The same speech made anew, and how: what `forward` gives, in one pass."""
        mel = self.front_end(samples)
        spectra = self.network.spectra(self._heard(mel))
        sound = self.network.sound(spectra)[..., self.delay * self.front_end.config.hop_length :]
        return Made(sound[..., : samples.shape[-1]], self._magnitudes(spectra, mel.shape[-1]))

    def magnitudes(self, samples: Tensor) -> Tensor:
        """Those that it would give every bin of the same speech, [batch, bins, frames]; no sound is made."""
        mel = self.front_end(samples)
        return self._magnitudes(self.network.spectra(self._heard(mel)), mel.shape[-1])

    def _magnitudes(self, spectra: Tensor, frames: int) -> Tensor:
        late = self.network.lookahead
        real, imaginary = spectra[..., late : late + frames].chunk(2, 1)
        # The slope of a root has no end at 0.
        return torch.sqrt(real * real + imaginary * imaginary + 1e-12)

    def _heard(self, mel: Tensor) -> Tensor:
        """With silence behind it, for as long as the network waits."""
        return F.pad(mel, (0, self.delay), value=float(np.log(self.front_end.config.floor)))


def build_vocoder(front_end: VoiceMel, config: VocoderConfig, *, rate_hz: int) -> Vocoder:
    """The vocoder that the settings describe, with fresh weights.

    Raises `ModelError` for settings that do not fit each other.
    """
    kind = dict(VOCODERS.values())[type(config)]
    network = kind(config, mel=front_end, rate_hz=rate_hz)
    return Vocoder(VoiceMelFrontEnd(front_end, rate_hz=rate_hz), network)
