"""A whole converter: samples of any length in, as many frames as the source has out."""

from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from small_converters import small_converter
from sonant.errors import ModelError
from sonant.models.converter import halves_swapped


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return 0.1 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
def test_there_are_as_many_frames_as_the_source_has() -> None:
    model = small_converter()
    for samples in (1, 64, 128, 1000):
        mel = model(noise(1, 1, samples), noise(1, 1, 700, seed=1))
        assert mel.shape == (1, 16, 1 + samples // 64)


@torch.no_grad()
def test_neither_batch_mates_nor_what_stands_behind_change_an_answer() -> None:
    model = small_converter()
    source, target = noise(1, 1, 900), noise(1, 1, 700, seed=1)
    wanted = model(source, target)
    sources, targets = torch.full((2, 1, 1200), 5.0), torch.full((2, 3, 1100), torch.nan)
    sources[0, :, :900], targets[0, 0, :700] = source[0], target[0, 0]
    targets[1] = noise(3, 1100, seed=4)
    lengths = torch.tensor([900, 1200])
    target_lengths = torch.tensor([[700, 0, 0], [1100, 200, 400]])
    found = model(sources, targets, lengths, target_lengths)
    assert_close(found[:1, :, : wanted.shape[2]], wanted, atol=2e-4, rtol=1e-4)


@torch.no_grad()
def test_without_a_target_the_voice_is_its_own_with_the_halves_swapped() -> None:
    model = small_converter()
    source = noise(1, 1, 900)
    mel = model.front_end(source)
    swapped = halves_swapped(mel)
    ones = torch.ones_like(mel[:, 0])
    wanted = model.network(mel, swapped.unsqueeze(1), ones, ones.unsqueeze(1))
    assert_close(model(source), wanted)
    assert halves_swapped(torch.arange(5)).tolist() == [2, 3, 4, 0, 1]


@torch.no_grad()
def test_digital_silence_of_any_length_gives_numbers() -> None:
    """The reference's logarithm had no floor: a second of it gave 6800 infinite values."""
    model = small_converter()
    voice = noise(1, 1, 900)
    long_pause = torch.cat([voice, torch.zeros(1, 1, 40_000), voice], 2)
    for source, target in (
        (torch.zeros(1, 1, 4000), voice),
        (long_pause, voice),
        (voice, long_pause),
    ):
        assert model(source, target).isfinite().all()


def test_shapes_that_do_not_fit_are_named() -> None:
    model = small_converter()
    with pytest.raises(ModelError, match="one source"):
        model(noise(1, 2, 900), noise(1, 1, 900))
    with pytest.raises(ModelError, match=r"\[batch, clips, samples\]"):
        model(noise(1, 900), noise(1, 1, 900))
    with pytest.raises(ModelError, match="one number of samples for each clip"):
        model(noise(2, 1, 900), noise(2, 1, 900), torch.tensor([900]))
