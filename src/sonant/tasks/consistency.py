"""Whether a conversion sounds like its target: a model of speakers judges, and gradients pass through it."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sonant.models.embedder import SpeakerEmbedder
from sonant.nn.resynthesis import Resynthesis
from sonant.nn.voice_mel import VoiceMel


@final
class Consistency(nn.Module):
    """Every clip of a batch is said in the voice of the one before it -> [batch], 1 - cosine to that voice.

    The judge hears samples, by its own front end: the converted mel's magnitudes with the phases of the
    source. Its weights stay as they are, and are no part of what is trained or kept.
    """

    def __init__(self, config: VoiceMel, judge: SpeakerEmbedder) -> None:
        super().__init__()
        self.resynthesis = Resynthesis(config, rate_hz=judge.rate_hz)
        # In a list, it is nobody's child: neither optimised, nor saved, nor set to training.
        self._judge = [judge.eval().requires_grad_(False)]

    def forward(self, model: nn.Module, samples: Tensor, lengths: Tensor) -> Tensor:
        """[batch, samples] of different speakers, as far as a batch has them, and their lengths."""
        judge = self._judge[0].to(samples.device)
        others, their_lengths = samples.roll(1, 0), lengths.roll(1, 0)
        with torch.no_grad():
            wanted = judge(others.unsqueeze(1), their_lengths)
        mel = model(samples.unsqueeze(1), others.unsqueeze(1), lengths, their_lengths)
        with torch.autocast(samples.device.type, enabled=False):
            sound = self.resynthesis(mel.float(), samples)
            found = judge(sound.unsqueeze(1), lengths)
        return 1.0 - F.cosine_similarity(found.float(), wanted.float(), dim=1)
