"""Windows, where they lie, and the transform that needs no Fourier routine."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sonant.nn.spectrum import Framing, Shape, Spectrum, Taper, fourier_matrix, window


@pytest.mark.parametrize(
    ("shape", "length", "taper", "expected"),
    [
        ("hann", 4, "periodic", [0.0, 0.5, 1.0, 0.5]),
        ("hann", 5, "symmetric", [0.0, 0.5, 1.0, 0.5, 0.0]),
        ("hann", 4, "auto", [0.0, 0.5, 1.0, 0.5]),
        ("hann", 5, "auto", [0.0, 0.5, 1.0, 0.5, 0.0]),
        ("hamming", 4, "periodic", [0.08, 0.54, 1.0, 0.54]),
        ("rectangular", 3, "auto", [1.0, 1.0, 1.0]),
        ("rectangular", 1, "symmetric", [1.0]),
    ],
)
def test_windows_have_their_known_values(
    shape: Shape, length: int, taper: Taper, expected: list[float]
) -> None:
    np.testing.assert_allclose(window(shape, length, taper=taper), expected, atol=1e-15)


def test_a_clip_without_centre_is_left_as_it_is() -> None:
    framing = Framing(window_length=4, hop_length=2, fft_length=4)
    samples = torch.arange(10.0)[None]
    assert framing.continued(samples, first=0, stop=4, span=4).data_ptr() == samples.data_ptr()
    assert [framing.count(samples) for samples in (4, 5, 6, 10)] == [1, 1, 2, 4]


@pytest.mark.parametrize(
    ("pad", "expected"),
    [("reflect", [2, 1, 0, 1, 2, 3, 4, 3]), ("zeros", [0, 0, 0, 1, 2, 3, 4, 0])],
)
def test_centred_windows_see_the_clip_continued(pad: str, expected: list[int]) -> None:
    framing = Framing(window_length=4, hop_length=2, fft_length=4, centre=True, pad=pad)  # type: ignore[arg-type]
    assert framing.continued(torch.arange(5.0)[None], first=0, stop=3, span=4).tolist() == [
        expected
    ]
    assert framing.count(5) == 3


def test_a_short_window_lies_in_the_middle_of_a_centred_transform() -> None:
    long = Framing(window_length=8, hop_length=3, fft_length=8, centre=True)
    short = Framing(window_length=4, hop_length=3, fft_length=8, centre=True)
    assert (long.lead, short.lead) == (4, 2)
    assert long.count(20) == short.count(20) == 7


@pytest.mark.parametrize("length", [64, 63])
def test_squares_are_those_of_the_transform_s_definition(length: int) -> None:
    shape = window("hamming", 50)
    framing = Framing(window_length=50, hop_length=20, fft_length=length)
    spectrum = Spectrum(framing, shape, bins=30)
    samples = torch.randn(2, 90, generator=torch.Generator().manual_seed(0))
    last = np.fft.rfft(samples[1, 40:90].double().numpy() * shape, length)[:30]

    for squares in (
        spectrum.fft(spectrum.windows(samples, first=0, stop=3)),
        spectrum.matmul(samples),
    ):
        assert squares.shape[:2] == (2, 3)
        np.testing.assert_allclose(squares[1, 2, 0:60:2], last.real**2, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(squares[1, 2, 1:60:2], last.imag**2, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("pad", ["reflect", "zeros"])
@pytest.mark.parametrize("fft_length", [8, 12])
def test_windows_can_be_had_in_parts(pad: str, fft_length: int) -> None:
    framing = Framing(
        window_length=8,
        hop_length=3,
        fft_length=fft_length,
        centre=True,
        pad=pad,  # type: ignore[arg-type]
    )
    spectrum = Spectrum(framing, window("hann", 8), bins=3)
    samples = torch.arange(30.0)[None]
    first, stop = framing.inside(30, span=fft_length)
    assert 0 < first < stop < framing.count(30)
    parts = [
        spectrum.windows(samples, first=a, stop=b)
        for a, b in ((0, first), (first, stop), (stop, framing.count(30)))
    ]
    whole = spectrum.windows(samples, first=0, stop=framing.count(30))
    assert torch.equal(torch.cat(parts, 1), whole)
    assert parts[1].data_ptr() in range(samples.data_ptr(), samples.data_ptr() + 4 * 30)


def test_the_matrix_is_exact_for_long_transforms_too() -> None:
    matrix = fourier_matrix((1.0,) * 4096, 4096, 2049)[2 * 2040 :]
    wanted = np.fft.rfft(np.eye(4096))[:, 2040:2049].T
    np.testing.assert_allclose(matrix[0::2], wanted.real, atol=1e-7)
    np.testing.assert_allclose(matrix[1::2], wanted.imag, atol=1e-7)
