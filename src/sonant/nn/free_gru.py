"""A GRU over a whole signal whose exported graph leaves the number of frames free."""

from __future__ import annotations

from typing import Final, final

import torch
from torch import Tensor, nn

ONNX_VERSION: Final = 14
"""Of the operator set whose GRU is meant."""


@final
class FreeGRU(nn.Module):
    """One layer of gated recurrent units, [batch, inputs, frames] to [batch, hidden, frames].

    Weights and answers are those of `torch.nn.GRU`. Exporters of torch unroll it, frame by frame of
    their example (seen with torch 2.13), so in an export it stands as ONNX's own operator.
    """

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.hidden = hidden
        self.gru = nn.GRU(inputs, hidden, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        """The whole signal, from nothing remembered."""
        if torch.compiler.is_exporting():
            return self._operator(x)
        y: Tensor = self.gru(x.transpose(1, 2))[0]
        return y.transpose(1, 2)

    def _operator(self, x: Tensor) -> Tensor:
        inner, past, *biases = (self._reordered(weight) for weight in self.gru.parameters())
        y = torch.onnx.ops.symbolic(
            "GRU",
            (
                x.permute(2, 0, 1),
                inner.unsqueeze(0),
                past.unsqueeze(0),
                torch.cat(biases).unsqueeze(0),
            ),
            {"hidden_size": self.hidden, "linear_before_reset": 1},
            dtype=x.dtype,
            shape=(x.shape[2], 1, x.shape[0], self.hidden),
            version=ONNX_VERSION,
        )
        return y.squeeze(1).permute(1, 2, 0)

    def _reordered(self, gates: Tensor) -> Tensor:
        """Reset, update, new as in torch -> update, reset, new as in ONNX."""
        one, two = self.hidden, 2 * self.hidden
        return torch.cat([gates[one:two], gates[:one], gates[two:]])
