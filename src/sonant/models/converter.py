"""A whole converter: two voices in, the words of the first as the second would say them out, as a mel."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import final

import torch
from torch import Tensor, nn

from sonant.errors import ModelError
from sonant.nn.voice_mel import VoiceMelFrontEnd


class ConvertingNetwork(nn.Module, ABC):
    """Log-mel spectrograms of a source and of whom it shall sound like -> that of the conversion.

    In evaluation mode, frames outside the masks and batch mates never change an answer.
    """

    @abstractmethod
    def forward(
        self, source: Tensor, target: Tensor, source_mask: Tensor, target_mask: Tensor
    ) -> Tensor:
        """[batch, mels, frames] of the source and [batch, clips, mels, frames] of the target's clips.

        Masks are [batch, frames] and [batch, clips, frames], of ones and zeros. Returns [batch, mels,
        frames] like the source; what stands outside its mask there means nothing.
        """


@final
class VoiceConverter(nn.Module):
    """Samples to a mel spectrogram: in training, in every exported file and wherever voices are converted.

    In evaluation mode answers are deterministic, and neither batch mates nor what stands behind a
    sound's length change them.
    """

    def __init__(self, front_end: VoiceMelFrontEnd, network: nn.Module) -> None:
        super().__init__()
        self.front_end = front_end
        self.network = network

    @property
    def rate_hz(self) -> int:
        """Samples a second of what it hears."""
        return self.front_end.rate_hz

    def forward(
        self,
        source: Tensor,
        target: Tensor | None = None,
        source_lengths: Tensor | None = None,
        target_lengths: Tensor | None = None,
    ) -> Tensor:
        """[batch, 1, samples] and [batch, clips, samples] -> log magnitudes [batch, mels, frames].

        Lengths, [batch] and [batch, clips], are in samples; None where all are sound, and a clip of
        length 0 counts for nothing. Without a target the source is its own, with its halves swapped, as
        in training. There are 1 + samples // hop frames. Raises `ModelError` for shapes that do not fit.
        """
        words, words_mask = self.heard(source, source_lengths)
        if words.shape[1] != 1:
            raise ModelError(
                f"a conversion has one source: [batch, 1, samples], got {list(source.shape)}"
            )
        if target is None:
            voices, voices_mask = halves_swapped(words), halves_swapped(words_mask)
        else:
            voices, voices_mask = self.heard(target, target_lengths)
        mel: Tensor = self.network(words[:, 0], voices, words_mask[:, 0], voices_mask)
        return mel

    def heard(self, clips: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """[batch, clips, samples] -> mels [batch, clips, mels, frames], mask [batch, clips, frames]."""
        if clips.dim() != 3:
            raise ModelError(f"want samples as [batch, clips, samples], got {list(clips.shape)}")
        if lengths is None:
            frames = self.front_end(clips.flatten(0, 1).unsqueeze(1)).unflatten(0, clips.shape[:2])
            return frames, torch.ones_like(frames[:, :, 0])
        if lengths.numel() != clips.shape[0] * clips.shape[1]:
            raise ModelError(
                f"lengths are {list(lengths.shape)} for clips {list(clips.shape)}; give one number of "
                "samples for each clip"
            )
        lengths = lengths.reshape(clips.shape[:2])
        places = torch.arange(clips.shape[-1], device=clips.device)
        # Not a product: what stands behind may be anything, even no number.
        silent_behind = torch.where(places < lengths.unsqueeze(-1), clips, 0.0)
        frames, _ = self.heard(silent_behind)
        real = torch.where(lengths > 0, 1 + lengths // self.front_end.config.hop_length, 0)
        numbers = torch.arange(frames.shape[-1], device=clips.device)
        mask = (numbers < real.unsqueeze(-1)).to(frames.dtype)
        return frames * mask.unsqueeze(2), mask


def halves_swapped(frames: Tensor) -> Tensor:
    """The second half of [..., frames] before the first: the same voice, at other words."""
    half = frames.shape[-1] // 2
    return torch.cat([frames[..., half:], frames[..., :half]], -1)
