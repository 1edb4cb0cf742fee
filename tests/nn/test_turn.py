"""A turn keeps magnitudes and brings phases nearer to those of one sound."""

from __future__ import annotations

import torch
from torch import Tensor

from sonant.nn.istft import Istft
from sonant.nn.streaming import Chain
from sonant.nn.turn import Stft, turns
from sounds import white

WINDOW, HOP = 64, 16


def test_spectra_are_those_of_the_windows_that_lie_whole_in_the_sound() -> None:
    sound = white(2, length=50 * HOP)
    wanted = torch.stft(
        sound, WINDOW, HOP, window=torch.hann_window(WINDOW), center=False, return_complex=True
    )
    found = Stft(WINDOW, HOP)(sound.unsqueeze(1))[..., WINDOW // HOP - 1 :]
    torch.testing.assert_close(found, torch.cat([wanted.real, wanted.imag], 1), atol=1e-5, rtol=0)


def test_products_do_what_the_transform_does() -> None:
    one, other = Stft(WINDOW, HOP), Stft(WINDOW, HOP)
    one.dft, other.dft = "fft", "matmul"
    sound = white(2, length=10 * HOP).unsqueeze(1)
    torch.testing.assert_close(one(sound), other(sound), atol=1e-5, rtol=0)


def test_sound_to_spectra_and_back_is_the_sound_later() -> None:
    sound = white(1, length=40 * HOP).unsqueeze(1)
    both = Chain(Stft(WINDOW, HOP), Istft(WINDOW, HOP))
    late = WINDOW - HOP
    assert both.delay == late
    torch.testing.assert_close(
        both(sound)[..., late + WINDOW :], sound[..., WINDOW:-late], atol=1e-5, rtol=0
    )


def magnitude(x: Tensor) -> Tensor:
    real, imaginary = x.chunk(2, 1)
    return (real**2 + imaginary**2).sqrt()


def test_magnitudes_stay_and_come_with_the_delay() -> None:
    x = torch.randn(2, WINDOW + 2, 30, generator=torch.Generator().manual_seed(0))
    for count in (1, 3):
        chain = Chain(*turns(count, Istft(WINDOW, HOP)))
        assert chain.delay == 3 * count
        late = int(chain.delay)
        torch.testing.assert_close(
            magnitude(chain(x))[..., late + 6 :], magnitude(x)[..., 6:-late], atol=1e-4, rtol=1e-3
        )


def test_no_turn_is_nothing() -> None:
    assert list(turns(0, Istft(WINDOW, HOP))) == []


def test_spectra_of_a_sound_are_left_as_they_are() -> None:
    x = Stft(WINDOW, HOP)(white(1, length=40 * HOP).unsqueeze(1))
    chain = Chain(*turns(2, Istft(WINDOW, HOP)))
    torch.testing.assert_close(chain(x)[..., 14:], x[..., 8:-6], atol=2e-3, rtol=1e-2)


def test_a_turn_is_that_of_the_algorithm() -> None:
    """Two turns, by the formula, in one piece."""
    x = torch.randn(1, WINDOW + 2, 40, generator=torch.Generator().manual_seed(0))
    there_and_back = Chain(Istft(WINDOW, HOP), Stft(WINDOW, HOP))

    def toward(found: Tensor, spectra: Tensor) -> Tensor:
        gain = magnitude(spectra) / magnitude(found)
        return torch.cat([gain, gain], 1) * found

    first = there_and_back(x)[..., 3:]
    once = toward(first, x[..., :-3])
    second = there_and_back(once)[..., 3:]
    twice = toward(second - 0.99 / 1.99 * first[..., :-3], once[..., :-3])
    found = Chain(*turns(2, Istft(WINDOW, HOP)))(x)[..., 6:]
    torch.testing.assert_close(found[..., 12:-8], twice[..., 12:-8], atol=1e-3, rtol=1e-2)


def test_phases_come_to_agree() -> None:
    """Of random phases, the sound has less far-off magnitudes the more turns there were."""
    wanted = magnitude(Stft(WINDOW, HOP)(white(1, length=100 * HOP).unsqueeze(1)))
    angle = 2 * torch.pi * torch.rand(wanted.shape, generator=torch.Generator().manual_seed(0))
    x = torch.cat([wanted * angle.cos(), wanted * angle.sin()], 1)

    def apart(count: int) -> float:
        chain = Chain(*turns(count, Istft(WINDOW, HOP)), Istft(WINDOW, HOP))
        made = magnitude(Stft(WINDOW, HOP)(chain(x)))
        late = 3 * (count + 1)
        return float((made[..., late:] - wanted[..., :-late])[..., 10:].norm() / wanted.norm())

    assert apart(8) < 0.8 * apart(1) < 0.8 * apart(0)
