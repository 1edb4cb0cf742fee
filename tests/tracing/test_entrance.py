"""The example: given, or made to fit the first layer."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from sonant.errors import ModelError
from sonant.tracing import stream
from tracing.nets import CRNN, MelImage, TCResNet


def test_without_an_example_the_first_layer_says_what_comes_in() -> None:
    assert stream(CRNN().eval(), proof=None).shape == (8,)


def test_a_long_kernel_gets_a_longer_example() -> None:
    long = nn.Sequential(nn.Conv1d(1, 2, 400, stride=160), nn.Conv1d(2, 2, 3)).eval()
    assert stream(long, proof=None).hop == 160


def test_a_pooling_over_the_clip_wants_to_know_how_long_a_clip_is() -> None:
    with pytest.raises(ModelError, match=r"`pool` \(AdaptiveAvgPool1d\).*frames="):
        stream(TCResNet().eval(), proof=None)
    assert stream(TCResNet().eval(), frames=51, proof=None).report.window == 51


def test_images_want_an_example() -> None:
    with pytest.raises(ModelError, match="MelImage does not say what shape it takes"):
        stream(MelImage().eval())


@pytest.mark.parametrize(
    ("shape", "time_axis", "frames", "message"),
    [
        ((4,), -1, None, "want .batch, channels, frames"),
        ((1, 4, 20), 0, None, "the batch on axis 0"),
        ((1, 4, 1), -1, None, "at least two frames"),
        ((1, 8, 20), -1, 30, "frames=30, and the example has 20"),
    ],
)
def test_an_example_that_does_not_fit_is_refused(
    shape: tuple[int, ...], time_axis: int, frames: int | None, message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        stream(CRNN().eval(), torch.zeros(shape), time_axis=time_axis, frames=frames)
