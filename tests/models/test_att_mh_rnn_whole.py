"""Attention over a clip that is heard from both ends."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from sonant.errors import RecipeError
from sonant.models import build
from sonant.models.att_mh_rnn_whole import AttMHRNNWhole, AttMHRNNWholeConfig
from sonant.nn.streaming import Streamable


def built(config: AttMHRNNWholeConfig, *, bins: int = 20) -> AttMHRNNWhole:
    torch.manual_seed(0)
    network = build(config, bins=bins, frames=49, labels=12)
    assert isinstance(network, AttMHRNNWhole)
    return network.eval()


def test_the_default_has_the_published_743_thousand_parameters() -> None:
    network = built(AttMHRNNWholeConfig())
    parameters = sum(weight.numel() for weight in network.parameters())
    statistics = sum(
        values.numel() for name, values in network.named_buffers() if "running" in name
    )
    assert (parameters, parameters + statistics) == (743_025, 743_047)


def test_it_does_not_stream_and_hears_the_end_of_the_clip_at_its_beginning() -> None:
    network, clip = built(AttMHRNNWholeConfig(hidden=4), bins=5), torch.randn(1, 5, 20)
    assert not isinstance(network, Streamable)
    other = torch.cat([clip[..., :19], torch.randn(1, 5, 1)], -1)
    first, second = (network.gru(frames.transpose(1, 2))[0][:, 0] for frames in (clip, other))
    assert not torch.equal(first, second)


def test_each_head_weighs_the_clip_by_its_middle_frames_question() -> None:
    network, clip = built(AttMHRNNWholeConfig(hidden=4, heads=3), bins=5), torch.randn(1, 5, 9)
    given: list[torch.Tensor] = []
    network.dense.register_forward_pre_hook(lambda layer, args: given.append(args[0]))
    network(clip)
    image = network.convolutions(clip[:, None])
    heard = network.gru(image[:, 0].transpose(1, 2))[0][0]
    for head, query in enumerate(network.query(heard[4]).view(3, 8)):
        expected = functional.softmax(heard @ query, 0) @ heard
        torch.testing.assert_close(given[0][0, 8 * head : 8 * head + 8], expected)


def test_the_convolutions_keep_every_frame_and_every_bin() -> None:
    network = built(AttMHRNNWholeConfig())
    assert network.convolutions(torch.zeros(1, 1, 20, 49)).shape == (1, 1, 20, 49)
    assert sum(isinstance(part, nn.Conv2d) for part in network.modules()) == 2


def test_settings_without_sense_are_refused() -> None:
    with pytest.raises(RecipeError, match="heads: 0 is not above 0"):
        AttMHRNNWholeConfig(heads=0)
