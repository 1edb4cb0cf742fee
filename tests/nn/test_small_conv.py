"""A strided convolution in bfloat16 on a CPU."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from sonant.nn.small_conv import SmallConv2d

NARROW = [(4, 2), (8, 1), (5, 2), (1, 1)]
"""Rows and columns of images that a stride of 2 leaves with one column."""


def poison() -> None:
    """Leave NaN in the memory that is allocated next: who reads before writing shows it."""
    for power in range(6, 22):
        torch.full((2**power,), float("nan"))


def trained(layer: nn.Conv2d, image: Tensor, *, bfloat16: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Answer, gradient of the image, gradient of the weight."""
    layer.zero_grad()
    image = image.clone().requires_grad_()
    poison()
    with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
        answer = layer(image)
    poison()
    answer.float().square().sum().backward()
    assert image.grad is not None
    assert layer.weight.grad is not None
    return answer.detach().float(), image.grad, layer.weight.grad


@pytest.mark.parametrize("rows_columns", [*NARROW, (4, 3), (9, 8)])
@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_bfloat16_is_close_to_single_precision(rows_columns: tuple[int, int], kernel: int) -> None:
    torch.manual_seed(0)
    layer = SmallConv2d(128, 256, kernel, stride=2, padding=kernel // 2, bias=False)
    layer = layer.to(memory_format=torch.channels_last)
    image = torch.randn(4, 128, *rows_columns)
    exact = trained(layer, image, bfloat16=False)
    for found, wanted in zip(trained(layer, image, bfloat16=True), exact, strict=True):
        assert (found - wanted).abs().max() < 0.05 * wanted.abs().max()


@pytest.mark.parametrize(
    "settings",
    [
        {"kernel_size": 3, "stride": 2, "padding": 1},
        {"kernel_size": (5, 3), "stride": (1, 3), "dilation": (1, 2), "padding": (0, 2)},
        {"kernel_size": 3, "stride": 2, "padding": 1, "groups": 4},
        {"kernel_size": 3, "stride": 1, "padding": "same"},
        {"kernel_size": (1, 2), "stride": 2},
    ],
)
@pytest.mark.parametrize("columns", [2, 3, 5, 8])
def test_it_is_a_convolution_like_any_other(settings: dict[str, object], columns: int) -> None:
    torch.manual_seed(0)
    ours = SmallConv2d(4, 8, **settings)
    theirs = nn.Conv2d(4, 8, **settings)
    theirs.load_state_dict(ours.state_dict())
    image = torch.randn(2, 4, 6, columns)
    torch.testing.assert_close(ours(image), theirs(image), atol=0, rtol=0)
    double = ours.double(), theirs.double()  # takes the same road as bfloat16, without its rounding
    torch.testing.assert_close(double[0](image.double()), double[1](image.double()))
