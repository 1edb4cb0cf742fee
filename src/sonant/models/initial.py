"""First weights as Keras draws them, for the networks that were published with Keras.

After a few epochs the accuracy still shows how the weights began, so a comparison needs the same
start.
"""

from __future__ import annotations

import torch
from torch import nn


def as_keras(module: nn.Module) -> None:
    """Draw the weights of every convolution, dense and recurrent layer inside again, as Keras does.

    Kernels: Glorot uniform (Glorot and Bengio 2010, equation 16). Biases: zero. LSTM and GRU:
    recurrent kernel orthogonal; LSTM: forget gate's bias 1 (Jozefowicz et al. 2015).
    """
    for part in module.modules():
        if isinstance(part, nn.Conv1d | nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(part.weight)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
        elif isinstance(part, nn.LSTM | nn.GRU):
            _recurrent(part)


@torch.no_grad()
def _recurrent(layer: nn.LSTM | nn.GRU) -> None:
    for name, weight in layer.named_parameters():
        if name.startswith(("weight_ih", "weight_hr")):
            nn.init.xavier_uniform_(weight)
        elif name.startswith("weight_hh"):
            nn.init.orthogonal_(weight)
        else:
            nn.init.zeros_(weight)
        if isinstance(layer, nn.LSTM) and name.startswith("bias_ih"):
            # The gates' order is input, forget, cell, output; one of torch's two biases has the 1.
            weight[layer.hidden_size : 2 * layer.hidden_size] = 1.0
