"""The last layer of a spoof detector: values of a clip to logits of bona fide and of spoof."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Head: TypeAlias = Literal["linear", "cosine"]
"""How a detector's last values become logits."""

SCALE: Final = 20.0
"""Log-odds that a cosine higher by 1 is worth, in a `CosineHead`."""
CENTRE: Final = 0.55
"""The cosine that speaks for neither: the middle of the margins 0.9 and 0.2 of one-class softmax."""


def head_for(head: Head, size: int) -> nn.Module:
    """What turns [batch, size] into logits [batch, 2]."""
    return CosineHead(size) if head == "cosine" else nn.Linear(size, 2)


@final
class CosineHead(nn.Module):
    """Logits whose difference is `SCALE` times how far the cosine to one direction lies over `CENTRE`.

    Bona fide speech lies around that direction, and all else elsewhere: what is unlike anything heard in
    training is no bona fide. Source: Zhang, Jiang and Duan, "One-class learning towards synthetic voice
    spoofing detection" (2021).
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.direction = nn.Parameter(torch.empty(1, size))
        nn.init.kaiming_uniform_(self.direction, 0.25)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, size] -> [batch, 2], bona fide first."""
        cosine = F.linear(F.normalize(x, dim=1), F.normalize(self.direction, dim=1))
        half = (cosine - CENTRE) * (SCALE / 2)
        return torch.cat([half, -half], 1)
