"""The table of networks for spoof detection."""

from __future__ import annotations

import pytest
import torch

from small_detectors import RATE_HZ, SMALL, WINDOW, clips, small_detector
from sonant.models import MODELS
from sonant.models.detectors import DETECTORS, build_detector
from sonant.models.embedders import EMBEDDERS


@pytest.mark.parametrize("name", DETECTORS)
def test_a_config_builds_its_network(name: str) -> None:
    config, kind = DETECTORS[name]
    features, small = SMALL[name]
    assert type(small) is config
    detector = build_detector(features, small, rate_hz=RATE_HZ, samples=WINDOW)
    assert type(detector.network) is kind
    assert detector.rate_hz == RATE_HZ


@pytest.mark.parametrize("name", DETECTORS)
@torch.no_grad()
def test_what_was_learned_goes_into_a_fresh_one(name: str) -> None:
    detector = small_detector(name)
    other = build_detector(*SMALL[name], rate_hz=RATE_HZ, samples=WINDOW).eval()
    other.load_state_dict(detector.state_dict())
    assert torch.equal(other(*clips()), detector(*clips()))


def test_no_name_is_that_of_another_task_s_network() -> None:
    assert not DETECTORS.keys() & (MODELS.keys() | EMBEDDERS.keys())
