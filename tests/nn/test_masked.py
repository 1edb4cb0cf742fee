"""Time-delay layers that see silence where an utterance has ended."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from sonant.nn.masked import TimeDelay


@torch.no_grad()
@pytest.mark.parametrize(("kernel", "dilation"), [(1, 1), (5, 1), (3, 4)])
def test_the_answer_inside_is_that_without_anything_behind(kernel: int, dilation: int) -> None:
    layer = TimeDelay(3, 4, kernel, dilation=dilation).eval()
    x, mask = torch.randn(2, 3, 20), torch.ones(2, 20)
    mask[0, 11:] = 0
    alone = layer(x[:1, :, :11], torch.ones(1, 11))
    torch.testing.assert_close(layer(x, mask)[:1, :, :11], alone)
    torch.testing.assert_close(layer(x, mask)[1:], layer(x[1:], torch.ones(1, 20)))


@torch.no_grad()
def test_it_is_a_convolution_an_activation_and_a_norm_in_this_order() -> None:
    layer = TimeDelay(3, 4, 3, activation=nn.LeakyReLU(0.1))
    x, mask = torch.randn(2, 3, 20), torch.ones(2, 20)
    layer.norm(F.leaky_relu(layer.conv(x), 0.1))  # the norm learns what it will see
    layer.eval()
    wanted = layer.norm(F.leaky_relu(layer.conv(x), 0.1))
    torch.testing.assert_close(layer(x, mask), wanted)
