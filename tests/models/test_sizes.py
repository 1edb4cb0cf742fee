from __future__ import annotations

import pytest
import torch
from torch import nn

from sonant.errors import ModelError
from sonant.models.sizes import Window, sizes


@pytest.mark.parametrize(
    ("kernel", "dilation", "stride"),
    [((3, 3), (1, 1), (1, 1)), ((5, 2), (2, 1), (1, 3)), ((4, 1), (3, 1), (2, 2))],
)
def test_sizes_are_those_that_torch_computes(
    kernel: tuple[int, int], dilation: tuple[int, int], stride: tuple[int, int]
) -> None:
    window = Window(kind="convolution", kernel=kernel, dilation=dilation, stride=stride)
    convolution = nn.Conv2d(1, 1, kernel, stride=stride, dilation=dilation)
    image = torch.zeros(1, 1, 40, 21)
    first = convolution(image)
    second = convolution(first)
    found = sizes([window, window], frames=40, bins=21)
    assert found == [tuple(first.shape[2:]), tuple(second.shape[2:])]


def test_a_window_that_just_fits_leaves_one_value() -> None:
    window = Window(kind="pooling", kernel=(4, 2), stride=(4, 2))
    assert sizes([window], frames=4, bins=2) == [(1, 1)]


def test_zeros_at_both_ends_of_the_frequencies_count_as_bins() -> None:
    window = Window(kind="convolution", kernel=(3, 4), stride=(1, 2), pad_bins=1)
    convolution = nn.Conv2d(1, 1, (3, 4), stride=(1, 2), padding=(0, 1))
    expected = convolution(torch.zeros(1, 1, 9, 10)).shape[2:]
    assert sizes([window], frames=9, bins=10) == [tuple(expected)]
    with pytest.raises(ModelError, match="window spans 4 and the layer gets 3"):
        sizes([window], frames=9, bins=1)


def test_the_first_layer_without_a_place_is_named_with_what_to_change() -> None:
    windows = [
        Window(kind="convolution", kernel=(3, 3)),
        Window(kind="convolution", kernel=(1, 5), dilation=(1, 2), mend="make it narrower"),
        Window(kind="convolution", kernel=(99, 99)),
    ]
    with pytest.raises(ModelError) as refused:
        sizes(windows, frames=10, bins=8)
    assert str(refused.value) == (
        "layer 2 of 3 (convolution, kernel 5, dilation 2, stride 1 in frequency): its frequency "
        "axis would have size -2, for the window spans 9 and the layer gets 6; make it narrower or "
        "give more bins in the front end (front_end.mels, front_end.coefficients)"
    )
