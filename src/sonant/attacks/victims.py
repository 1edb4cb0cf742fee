"""What is attacked, whatever its task: sounds in, scores out, and the highest score is the answer."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Final, final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from sonant.errors import ModelError
from sonant.models.classifier import Classifier
from sonant.models.detector import SpoofDetector
from sonant.models.embedder import SpeakerEmbedder

NOBODY: Final = "nobody known"
"""What an open-set identifier answers when no score reaches its threshold."""
ANOTHER: Final = "another speaker"
CLAIMED: Final = "the claimed speaker"


class Victim(nn.Module, ABC):
    """A model in evaluation mode and the rule by which it answers."""

    names: tuple[str, ...]
    """What its scores are of, in their order."""
    rate_hz: int
    """Samples a second of what it hears."""

    @abstractmethod
    def forward(self, samples: Tensor, lengths: Tensor | None = None) -> Tensor:
        """[batch, 1, samples] and lengths [batch] in samples, or None -> scores [batch, names]."""

    @torch.no_grad()
    def answers(self, samples: Tensor, lengths: Tensor | None = None) -> Tensor:
        """The places of the highest scores, [batch]; of equal ones the first, so at a threshold a no."""
        scores: Tensor = self(samples, lengths)
        return scores.argmax(dim=1)


@final
class Verifier(Victim):
    """Whether it is the claimed speaker: the cosine to what is enrolled against a threshold."""

    names = (ANOTHER, CLAIMED)

    def __init__(self, embedder: SpeakerEmbedder, enrolled: Tensor, *, threshold: float) -> None:
        """`enrolled` [size] is claimed by all clips, or [batch, size] by each its own; of length 1."""
        super().__init__()
        self.embedder = embedder.eval().requires_grad_(False)
        self.rate_hz = embedder.rate_hz
        self.threshold: Final = threshold
        self.register_buffer("enrolled", _rows(enrolled, embedder.size))
        self.enrolled: Tensor

    def claiming(self, enrolled: Tensor) -> Verifier:
        """The same model and threshold for other claims."""
        return Verifier(self.embedder, enrolled, threshold=self.threshold)

    def forward(self, samples: Tensor, lengths: Tensor | None = None) -> Tensor:
        """[batch, 2]: by how much the cosine is below the threshold, and by how much above."""
        above = (self.embedder(samples, lengths) * self.enrolled).sum(1) - self.threshold
        return torch.stack((-above, above), dim=1)


@final
class Identifier(Victim):
    """Which of the enrolled it is, and with a threshold also that it is none of them."""

    def __init__(
        self,
        embedder: SpeakerEmbedder,
        enrolled: Tensor,
        *,
        names: Sequence[str],
        threshold: float | None = None,
    ) -> None:
        """`enrolled` [people, size], of length 1. Raises `ModelError` where names are not of the people."""
        super().__init__()
        if len(names) != len(enrolled):
            raise ModelError(f"{len(enrolled)} voices are enrolled under {len(names)} names")
        self.embedder = embedder.eval().requires_grad_(False)
        self.rate_hz = embedder.rate_hz
        self.names = (*names, NOBODY) if threshold is not None else tuple(names)
        self.threshold: Final = threshold
        self.register_buffer("enrolled", _rows(enrolled, embedder.size))
        self.enrolled: Tensor

    def forward(self, samples: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Cosines [batch, people]; with a threshold, it stands behind them as the score of nobody."""
        cosines: Tensor = self.embedder(samples, lengths) @ self.enrolled.T
        if self.threshold is None:
            return cosines
        return torch.cat((cosines, torch.full_like(cosines[:, :1], self.threshold)), dim=1)


@final
class Recogniser(Victim):
    """What is said: the logits of a network for words."""

    def __init__(self, classifier: Classifier, labels: Sequence[str], *, rate_hz: int) -> None:
        """Clips have the length the network was trained on: it hears silence as it hears sound."""
        super().__init__()
        self.classifier = classifier.eval().requires_grad_(False)
        self.names, self.rate_hz = tuple(labels), rate_hz

    def forward(self, samples: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Logits [batch, labels]."""
        logits: Tensor = self.classifier(samples.squeeze(1))
        return logits


@final
class Listener(Victim):
    """Whether speech is forged, as a spoof detector's users are told it: in parts, and calibrated."""

    names = ("bonafide", "spoof")

    def __init__(
        self,
        detector: SpoofDetector,
        *,
        window: int | None = None,
        slope: float = 1.0,
        offset: float = 0.0,
    ) -> None:
        """Longer clips are heard in parts of `window` samples, or whole where that is None.

        `slope` and `offset` make a log-likelihood ratio of the mean score of the parts.
        """
        super().__init__()
        self.detector = detector.eval().requires_grad_(False)
        self.rate_hz = detector.rate_hz
        self._window: Final = window
        self._slope: Final = slope
        self._offset: Final = offset

    def forward(self, samples: Tensor, lengths: Tensor | None = None) -> Tensor:
        """[batch, 2]: the log-likelihood ratio of bona fide speech, and the 0 above which it is believed."""
        every = samples.shape[-1]
        ends = [every] * len(samples) if lengths is None else lengths.tolist()
        parts = [self._parts(row[:end]) for row, end in zip(samples[:, 0], ends, strict=True)]
        flat = [part for own in parts for part in own]
        sizes = torch.tensor([len(part) for part in flat], device=samples.device)
        logits = self.detector(pad_sequence(flat, batch_first=True), sizes)
        scores = torch.split(logits[:, 0] - logits[:, 1], [len(own) for own in parts])
        llr = self._slope * torch.stack([own.mean() for own in scores]) + self._offset
        return torch.stack((llr, torch.zeros_like(llr)), dim=1)

    def _parts(self, clip: Tensor) -> list[Tensor]:
        """[samples] -> as few windows as cover it, evenly spread, as `spoofing.detector` takes them."""
        window = self._window
        if window is None or len(clip) <= window:
            return [clip]
        count = math.ceil(len(clip) / window)
        starts = np.linspace(0, len(clip) - window, count).astype(int).tolist()
        return [clip[start : start + window] for start in starts]


def _rows(enrolled: Tensor, size: int) -> Tensor:
    rows = enrolled.reshape(-1, enrolled.shape[-1])
    if rows.shape[1] != size:
        raise ModelError(f"enrolled: embeddings of {rows.shape[1]} values; this model has {size}")
    return rows.detach().clone()
