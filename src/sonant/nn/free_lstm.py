"""A two-way LSTM over clips that differ in length, whose exported graph leaves the frames free."""

from __future__ import annotations

from typing import Final, Literal, final

import torch
from torch import Tensor, nn

ONNX_VERSION: Final = 14
"""Of the operator set whose LSTM is meant."""


@final
class FreeBiLSTM(nn.Module):
    """Long short-term memory both ways, [batch, inputs, frames] and a mask [batch, frames] -> [batch, 2 *
    hidden, frames].

    The way back begins at each clip's own last frame, so neither batch mates nor what stands behind a clip
    change an answer under the mask. Exporters of torch unroll an LSTM frame by frame of their example
    (seen with torch 2.13), so in an export, where every frame counts as real, it stands as ONNX's own
    operator.
    """

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.hidden = hidden
        self.onward = nn.LSTM(inputs, hidden, batch_first=True)
        self.back = nn.LSTM(inputs, hidden, batch_first=True)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """The whole clip both ways, from nothing remembered."""
        if torch.compiler.is_exporting():
            ways = (self._operator(x, "forward"), self._operator(x, "reverse"))
            return torch.cat(ways, 1)
        order = turned(mask)
        frames = x.transpose(1, 2)
        onward: Tensor = self.onward(frames)[0]
        back: Tensor = self.back(_taken(frames, order))[0]
        return torch.cat([onward, _taken(back, order)], -1).transpose(1, 2)

    def _operator(self, x: Tensor, direction: Literal["forward", "reverse"]) -> Tensor:
        lstm = self.onward if direction == "forward" else self.back
        inner, past, *biases = (self._reordered(weight) for weight in lstm.parameters())
        y = torch.onnx.ops.symbolic(
            "LSTM",
            (
                x.permute(2, 0, 1),
                inner.unsqueeze(0),
                past.unsqueeze(0),
                torch.cat(biases).unsqueeze(0),
            ),
            {"hidden_size": self.hidden, "direction": direction},
            dtype=x.dtype,
            shape=(x.shape[2], 1, x.shape[0], self.hidden),
            version=ONNX_VERSION,
        )
        return y.squeeze(1).permute(1, 2, 0)

    def _reordered(self, gates: Tensor) -> Tensor:
        """Input, forget, new, output as in torch -> input, output, forget, new as in ONNX."""
        one, three = self.hidden, 3 * self.hidden
        return torch.cat([gates[:one], gates[three:], gates[one:three]])


def turned(mask: Tensor) -> Tensor:
    """Places [batch, frames] that turn each clip's own frames round and leave the others where they are."""
    places = torch.arange(mask.shape[1], device=mask.device)
    ends = mask.sum(1).long()[:, None]
    return torch.where(places < ends, ends - 1 - places, places)


def _taken(frames: Tensor, places: Tensor) -> Tensor:
    """[batch, frames, values] in another order of frames."""
    return torch.gather(frames, 1, places.unsqueeze(-1).expand(-1, -1, frames.shape[2]))
