"""A style is what is common to all frames of a voice, whatever stands beside them."""

from __future__ import annotations

import torch
from torch.testing import assert_close

from sonant.nn.styles import EPSILON, in_style, style_of, without


def frames(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_mean_and_deviation_are_those_of_the_frames_under_the_mask() -> None:
    x = frames(2, 3, 7)
    mask = torch.ones(2, 1, 7)
    mask[1, :, 4:] = 0
    style = style_of(x, mask)
    assert_close(style.mean[1, :, 0], x[1, :, :4].mean(-1))
    wanted = (x[1, :, :4].var(-1, correction=0) + EPSILON).sqrt()
    assert_close(style.deviation[1, :, 0], wanted)


def test_what_is_masked_may_be_anything() -> None:
    x, mask = frames(1, 3, 6), torch.tensor([[[1.0, 1.0, 0.0, 1.0, 0.0, 0.0]]])
    other = torch.where(mask > 0, x, 99.0)
    for one, two in zip(style_of(x, mask), style_of(other, mask), strict=True):
        assert_close(one, two)


def test_several_clips_of_a_voice_have_the_statistics_of_all_their_frames() -> None:
    x = frames(4, 3, 5)
    mask = torch.ones(4, 1, 5)
    mask[1, :, 2:] = 0
    style = style_of(x, mask, clips=2)
    assert style.mean.shape == (2, 3, 1)
    first = torch.cat([x[0], x[1, :, :2]], 1)
    assert_close(style.mean[0, :, 0], first.mean(-1))
    assert_close(style.deviation[0, :, 0], (first.var(-1, correction=0) + EPSILON).sqrt())
    gone = without(x, style, clips=2)
    again = torch.cat([gone[0], gone[1, :, :2]], 1)
    assert_close(again.mean(-1), torch.zeros(3), atol=1e-6, rtol=0)


def test_a_style_taken_away_and_given_back_leaves_everything_as_it_was() -> None:
    x = frames(2, 3, 7)
    style = style_of(x, torch.ones(2, 1, 7))
    assert_close(in_style(without(x, style), style), x)


def test_silence_and_nothing_have_a_style_that_is_a_number() -> None:
    for mask in (torch.ones(1, 1, 4), torch.zeros(1, 1, 4)):
        x = torch.zeros(1, 2, 4, requires_grad=True)
        gone = without(x, style_of(x, mask))
        gone.sum().backward()
        assert gone.isfinite().all()
        assert x.grad is not None
        assert x.grad.isfinite().all()
