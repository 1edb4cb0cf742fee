"""Defences: what they do to a sound, and what comes through them to an attacker who knows them."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from linear_victim import SAMPLES, Linear, clips
from sonant.attacks.bounds import Bound
from sonant.attacks.defences import (
    Defence,
    adaptive,
    quantised,
    resampled,
    resynthesised,
    smoothed,
    views,
)
from sonant.attacks.gradient import pgd, slope
from sonant.attacks.objectives import towards
from sonant.errors import SonantError


def tone(hz: float, *, rate_hz: int = 16_000, samples: int = 4000) -> Tensor:
    return 0.5 * torch.sin(2 * math.pi * hz * torch.arange(samples) / rate_hz)[None, None]


def middle(sound: Tensor) -> Tensor:
    return sound[..., 200:-200]


def test_rounding_leaves_as_many_values_as_bits_can_tell_apart() -> None:
    rounded = quantised(3).change(clips(level=0.5), 0)
    assert set(rounded.unique().tolist()) <= {step / 4 for step in range(-4, 4)}


def test_resampling_keeps_what_is_low_and_drops_what_is_high() -> None:
    defence = resampled(16_000, 8000)
    low, high = tone(500), tone(6000)
    torch.testing.assert_close(middle(defence.change(low, 0)), middle(low), atol=5e-3, rtol=0)
    assert middle(defence.change(high, 0)).abs().max() < 5e-3


def test_silence_behind_a_clip_does_not_change_how_it_is_resampled() -> None:
    defence, clean = resampled(16_000, 8000), clips()
    longer = torch.nn.functional.pad(clean, (0, 100))
    torch.testing.assert_close(defence.change(longer, 0)[..., :SAMPLES], defence.change(clean, 0))


def test_smoothing_draws_by_its_seed() -> None:
    defence, clean = smoothed(0.01, 4), clips()
    first = defence.change(clean, 1)
    assert torch.equal(first, defence.change(clean, 1))
    assert not torch.equal(first, defence.change(clean, 2))
    assert (first - clean).std().item() == pytest.approx(0.01, rel=0.1)


def test_there_are_as_many_views_as_the_defence_with_most_draws_wants() -> None:
    clean = clips()
    every = [view(clean) for view in views((smoothed(0.01, 3), quantised(8)))]
    assert len(every) == 3
    assert not torch.equal(every[0], every[1])
    assert torch.equal((every[0] * 128).round(), every[0] * 128)


def test_without_a_defence_a_sound_passes_as_it_is() -> None:
    (only,) = views(())
    assert torch.equal(only(clips()), clips())


@pytest.mark.parametrize("gradient", [True, False])
def test_an_attacker_who_knows_it_finds_a_way_through(gradient: bool) -> None:
    victim = Linear(answers=2)
    places = torch.zeros(4, dtype=torch.long)
    cut_off = Defence(name="mirror", change=lambda x, _: -x.detach(), has_gradient=False)
    mirror = Defence(name="mirror", change=lambda x, _: -x, has_gradient=True)
    defence = mirror if gradient else quantised(8)
    wish = adaptive(towards(victim, places), (defence,))
    clean = clips()
    changed = pgd(wish, clean, bound=Bound(epsilon=0.05), steps=5)
    (view,) = views((defence,))
    reached = towards(victim, places)(view(changed))
    assert (reached > towards(victim, places)(view(clean))).all()
    # Without a gradient of its own it has that of the identity, right or wrong.
    through, _ = slope(adaptive(towards(victim, places), (cut_off,)), clean)
    bare, _ = slope(towards(victim, places), clean)
    torch.testing.assert_close(through, bare)


def test_the_attacker_never_sees_what_the_defence_draws() -> None:
    seen: list[int] = []
    drawn: list[int] = []

    def change(sound: Tensor, seed: int) -> Tensor:
        seen.append(seed)
        return sound

    defence = Defence(name="spy", change=change, has_gradient=True, draws=4)
    for view in views((defence,)):
        view(clips())
    drawn, seen[:] = seen[:], []
    wish = adaptive(lambda sound: sound.sum((1, 2)), (defence,))
    wish(clips())
    wish(clips())
    assert len(set(seen)) == 8
    assert not set(seen) & set(drawn)


def test_a_vocoder_is_any_way_there_and_back() -> None:
    defence = resynthesised("half", lambda sound: sound / 2, has_gradient=True)
    torch.testing.assert_close(defence.change(clips(), 0), clips() / 2)


@pytest.mark.parametrize(
    "make",
    [
        lambda: quantised(0),
        lambda: quantised(17),
        lambda: resampled(16_000, 7000),
        lambda: resampled(16_000, 16_000),
        lambda: smoothed(0.0),
    ],
)
def test_numbers_that_make_no_defence_are_refused(make: object) -> None:
    with pytest.raises(SonantError, match=r"want|spread"):
        make()  # type: ignore[operator]
