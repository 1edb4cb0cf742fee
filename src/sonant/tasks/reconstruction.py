"""How far what a converter says again is from what it heard: on segments of recordings held out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sonant.audio import PCM16_SCALE
from sonant.data.batches import Share
from sonant.data.speaker_batches import SpeakerSplit
from sonant.nn.voice_mel import VoiceMel, VoiceMelFrontEnd

BATCH: Final = 32


@final
class Reconstruction(nn.Module):
    """Mean absolute difference of log magnitudes, in nepers, over the sound frames of each clip.

    One neper is 8.7 dB. It has no weights.
    """

    def __init__(self, config: VoiceMel, *, rate_hz: int) -> None:
        super().__init__()
        self.front_end = VoiceMelFrontEnd(config, rate_hz=rate_hz)

    def forward(self, said: Tensor, samples: Tensor, lengths: Tensor) -> Tensor:
        """Mels [batch, mels, frames], [batch, samples] that they are held to, their lengths -> [batch]."""
        heard = self.front_end(samples.unsqueeze(1))
        hop = self.front_end.config.hop_length
        numbers = torch.arange(heard.shape[-1], device=heard.device)
        mask = (numbers <= torch.div(lengths, hop, rounding_mode="floor")[:, None]).float()
        apart = (said.float() - heard).abs().mean(1) * mask
        distance: Tensor = apart.sum(-1) / mask.sum(-1)
        return distance


@final
class Middles:
    """The middles of all recordings of a split, `samples` at most; the same in every epoch."""

    def __init__(self, split: SpeakerSplit, samples: int) -> None:
        self.split, self.samples = split, samples

    def __len__(self) -> int:
        return len(self.split)

    @torch.no_grad()
    def score(
        self,
        model: nn.Module,
        reconstruction: Reconstruction,
        *,
        share: Share,
        device: torch.device,
        precision: torch.dtype,
    ) -> Mapping[str, float]:
        """Sums of the distances as `loss`, and `clips`, over a process' share; empty without a recording."""
        if not len(self):
            return {}
        mine = np.arange(len(self))[share.rank :: share.of]
        total = 0.0
        for start in range(0, len(mine), BATCH):
            samples, lengths = self._gathered(mine[start : start + BATCH], device)
            with torch.autocast(device.type, dtype=precision, enabled=precision != torch.float32):
                said = model(samples.unsqueeze(1), None, lengths)
            total += float(reconstruction(said, samples, lengths).sum())
        self.split.store.release()
        return {"clips": float(len(mine)), "loss": total}

    def _gathered(self, rows: NDArray[np.int64], device: torch.device) -> tuple[Tensor, Tensor]:
        """[rows, samples] with silence behind the shorter ones, and their lengths [rows]."""
        pcm = self.split.store.gather(rows, self.samples, pad="end", crop="centre")
        samples = torch.from_numpy(pcm).to(torch.float32).mul_(1.0 / PCM16_SCALE)
        lengths = np.minimum(self.split.store.lengths[rows], self.samples)
        return samples.to(device), torch.from_numpy(lengths).to(device)
