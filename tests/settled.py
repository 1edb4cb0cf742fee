"""Networks whose norms know their data, so that every layer matters to the answer."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def settled(network: nn.Module, features: Tensor) -> nn.Module:
    """With running statistics of these features, ready to answer.

    Fresh norms let what comes through a deep network fade until only the last bias is left, and any
    two answers agree.
    """
    norms = [
        part for part in network.modules() if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d)
    ]
    before = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 1.0
    with torch.no_grad():
        network.train()(features)
    for norm, momentum in zip(norms, before, strict=True):
        norm.momentum = momentum
    return network.eval()
