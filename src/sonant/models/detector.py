"""A whole spoof detector: clips of any length in, logits of bona fide and spoof out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Final, TypeAlias, final

import torch
from torch import Tensor, nn

from sonant.errors import ModelError
from sonant.nn.lfcc import LfccFrontEnd
from sonant.nn.sinc import SincFrontEnd

Vary: TypeAlias = Callable[[Tensor], Tensor]
"""A change of the features, [batch, bins, frames] in and out."""

SHORTEST_S: Final = 0.25
"""A clip shorter than this is said again and again until it is as long."""


class DetectorNetwork(nn.Module, ABC):
    """Features [batch, bins, frames] and their mask [batch, frames] -> logits [batch, 2].

    The first logit is that of bona fide. In evaluation mode frames outside the mask and batch mates never
    change an answer of a network that is `free`; one that is not hears clips of one length alone.
    """

    free: bool
    """Whether it takes clips of any length."""
    least_frames: int
    """The fewest frames that it takes."""

    @abstractmethod
    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """Judge a batch of clips; features are zeros outside the mask."""


@final
class SpoofDetector(nn.Module):
    """Clips to logits [batch, 2], bona fide first: in training, in every exported file and in the server.

    In evaluation mode answers are deterministic, and neither batch mates nor what stands behind a clip's
    length change them. A clip shorter than `SHORTEST_S` is said again and again until it is as long; before
    a network that is not `free` every clip is repeated, or cut, to exactly `window` samples.
    """

    def __init__(
        self, front_end: LfccFrontEnd | SincFrontEnd, network: DetectorNetwork, *, window: int
    ) -> None:
        """`window` is the length of a training clip in samples; `ModelError` where it is too short."""
        super().__init__()
        self.front_end = front_end
        self.network = network
        self.least_samples = round(SHORTEST_S * front_end.rate_hz)
        self.fixed_samples = None if network.free else window
        least = front_end.samples_for(network.least_frames)
        if min(window, self.fixed_samples or self.least_samples) < least:
            raise ModelError(
                f"data.duration_s, front_end: clips of {window} samples, repeated to {self.least_samples} at "
                f"least, are fewer than the {least} that this network wants; use longer clips, a shorter hop"
            )

    @property
    def rate_hz(self) -> int:
        """Samples a second of what it hears."""
        return self.front_end.rate_hz

    def forward(
        self, samples: Tensor, lengths: Tensor | None = None, vary: Vary | None = None
    ) -> Tensor:
        """[batch, samples] and lengths [batch] in samples, or None where all are as long -> [batch, 2].

        Training may `vary` the features in between. Raises `ModelError` for shapes that do not fit.
        """
        if samples.dim() != 2:
            raise ModelError(
                f"a detector wants samples as [batch, samples], got {list(samples.shape)}"
            )
        if not torch.compiler.is_exporting():
            samples, lengths = self._heard(samples, lengths)
        features, mask = self.front_end(samples.unsqueeze(1), lengths)
        if vary is not None:
            features = vary(features) * mask.unsqueeze(1)
        logits: Tensor = self.network(features, mask)
        return logits

    def _heard(self, samples: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor]:
        """Clips that are long enough; an exported graph takes no others."""
        if lengths is None:
            lengths = torch.full_like(samples[:, 0], samples.shape[1], dtype=torch.int64)
        if self.fixed_samples is not None:
            whole = torch.full_like(lengths, self.fixed_samples)
            return repeated(samples, lengths, self.fixed_samples), whole
        wanted = max(samples.shape[1], self.least_samples)
        return repeated(samples, lengths, wanted), lengths.clamp(min=self.least_samples)


def repeated(samples: Tensor, lengths: Tensor, wanted: int) -> Tensor:
    """Clips [batch, samples], each said again and again until there are `wanted` samples, or cut there."""
    places = torch.arange(wanted, device=samples.device) % lengths.clamp(min=1)[:, None]
    return torch.gather(samples, 1, places)
