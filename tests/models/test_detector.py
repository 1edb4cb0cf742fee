"""Whole spoof detectors: clips of any length, and nothing else that changes an answer."""

from __future__ import annotations

import math

import pytest
import torch

from small_detectors import LENGTHS, RATE_HZ, SMALL, WINDOW, clips, small_detector
from sonant.errors import ModelError
from sonant.models.detector import SHORTEST_S, repeated
from sonant.models.detectors import build_detector
from sonant.nn.spoof_features_config import LfccConfig

EVERY = pytest.mark.parametrize("name", SMALL)


@EVERY
@torch.no_grad()
def test_neither_batch_mates_nor_padding_change_an_answer(name: str) -> None:
    detector = small_detector(name)
    samples, lengths = clips()
    whole = detector(samples, lengths)
    assert len(whole.unique(dim=0)) == len(LENGTHS), "clips are told apart at all"
    for number, length in enumerate(LENGTHS):
        alone = detector(samples[number : number + 1, :length])
        torch.testing.assert_close(whole[number : number + 1], alone, atol=1e-5, rtol=1e-4)


@EVERY
@torch.no_grad()
def test_what_stands_behind_a_clip_may_be_anything(name: str) -> None:
    detector = small_detector(name)
    samples, lengths = clips()
    spoiled = samples.masked_fill(torch.arange(WINDOW) >= lengths[:, None], math.nan)
    assert torch.equal(detector(spoiled, lengths), detector(samples, lengths))


@EVERY
@torch.no_grad()
def test_the_same_clip_gives_the_same_bits(name: str) -> None:
    detector = small_detector(name)
    assert torch.equal(detector(*clips()), detector(*clips()))


@torch.no_grad()
def test_a_free_network_hears_all_of_a_long_clip_and_the_other_its_window_alone() -> None:
    samples, _ = clips()
    longer = torch.cat([samples, torch.randn(len(samples), 400)], 1)
    for name, heard in (("lcnn", True), ("aasist", False)):
        detector = small_detector(name)
        assert torch.equal(detector(longer), detector(samples)) != heard


@torch.no_grad()
def test_a_clip_that_is_too_short_is_said_again_and_again() -> None:
    samples, least = clips()[0][:, :300], round(SHORTEST_S * RATE_HZ)
    again = torch.cat([samples] * 4, 1)[:, :least]
    detector = small_detector("lcnn")
    torch.testing.assert_close(detector(samples), detector(again))


def test_clips_are_repeated_by_their_own_length_and_cut() -> None:
    samples = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 9.0]])
    found = repeated(samples, torch.tensor([3, 2]), 5)
    assert found.tolist() == [[1, 2, 3, 1, 2], [4, 5, 4, 5, 4]]
    assert repeated(samples, torch.tensor([3, 0]), 2).tolist() == [[1, 2], [4, 4]]


@EVERY
def test_training_may_vary_the_features(name: str) -> None:
    detector = small_detector(name)
    with torch.no_grad():
        plain = detector(*clips())
        assert torch.equal(detector(*clips(), lambda features: features), plain)
        assert not torch.equal(detector(*clips(), torch.zeros_like), plain)


@EVERY
def test_it_can_be_trained(name: str) -> None:
    detector = small_detector(name).train()
    detector(*clips())[:, 0].sum().backward()
    assert all(w.grad is None or w.grad.isfinite().all() for w in detector.parameters())


@torch.no_grad()
def test_a_head_of_cosines_answers_within_its_scale() -> None:
    logits = small_detector("lcnn", head="cosine")(*clips())
    torch.testing.assert_close(logits[:, 0], -logits[:, 1])
    assert (logits[:, 0].abs() <= 16).all()


def test_windows_that_are_too_short_for_the_network_are_refused() -> None:
    features, config = SMALL["aasist"]
    with pytest.raises(ModelError, match="are fewer than the 59"):
        build_detector(features, config, rate_hz=RATE_HZ, samples=58)
    slow = LfccConfig(window_length=80, hop_length=100, fft_length=128, coefficients=8, max_hz=None)
    with pytest.raises(ModelError, match="1580 that this network wants"):
        build_detector(slow, SMALL["lcnn"][1], rate_hz=RATE_HZ, samples=WINDOW)


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ModelError, match=r"\[batch, samples\]"):
        small_detector("lcnn")(torch.zeros(2, 1, WINDOW))
