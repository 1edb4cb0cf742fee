"""The inverse transform: spectra of a sound become that sound, whole or as a stream."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from sonant.errors import ModelError
from sonant.nn.istft import Istft
from sounds import white

WINDOW, HOP = 64, 16


def spectra(sound: Tensor, *, window: int, hop: int) -> Tensor:
    """Around every hop, [batch, 2 x bins, frames], by torch's own transform."""
    found = torch.stft(
        sound, window, hop, window=torch.hann_window(window), center=True, pad_mode="constant",
        return_complex=True,
    )  # fmt: skip
    return torch.cat([found.real, found.imag], 1)


@pytest.mark.parametrize(("window", "hop"), [(64, 16), (64, 32), (48, 8)])
def test_spectra_of_a_sound_become_that_sound(window: int, hop: int) -> None:
    sound = white(2, length=20 * hop)
    inverse = Istft(window, hop)
    made = inverse(spectra(sound, window=window, hop=hop))[:, 0]
    late = int(inverse.delay) * hop
    assert made.shape == (2, 21 * hop)
    # At the very beginning windows are missing that a stream would have had before it.
    inside = slice(window, 21 * hop - late - window)
    torch.testing.assert_close(made[:, late:][:, inside], sound[:, inside], atol=1e-5, rtol=0)


def test_products_do_what_the_transform_does() -> None:
    x = torch.randn(2, 66, 9, generator=torch.Generator().manual_seed(0))
    one, other = Istft(WINDOW, HOP), Istft(WINDOW, HOP)
    one.dft, other.dft = "fft", "matmul"
    torch.testing.assert_close(one(x), other(x), atol=1e-6, rtol=0)


def test_a_window_that_the_hop_does_not_divide_in_halves_is_refused() -> None:
    for window, hop in ((64, 24), (64, 64), (48, 16)):
        with pytest.raises(ModelError, match="divide half of the window"):
            Istft(window, hop)
