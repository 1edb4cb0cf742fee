"""The proof finds what is wrong, and says where."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from sonant.audio import read
from sonant.errors import ModelError
from sonant.tracing import Proof, rules, stream
from sonant.tracing.builder import Site
from sonant.tracing.proof import apart, speechlike
from sonant.tracing.signals import Signal
from tracing.nets import Samples


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv1d(3, 3, 3, padding=1), nn.Sigmoid())
        self.second = nn.Sequential(nn.Conv1d(3, 3, 3, padding=1), nn.Softplus())

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.first(x))


def test_the_layer_where_stream_and_module_first_part_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def wrong(site: Site) -> Signal:
        signal: Signal = site.args["self"]
        return site.builder.call(torch.ops.aten.tanh.default, {"self": signal}, signal)

    monkeypatch.setitem(rules.RULES, "softplus", wrong)
    with pytest.raises(ModelError, match=r"parts from the module at `second\.1` \(Softplus\)"):
        stream(Net().eval(), torch.zeros(1, 3, 20))
    assert stream(Net().eval(), torch.zeros(1, 3, 20), proof=None)


def test_a_part_of_a_tensor_written_in_place_is_found_out() -> None:
    class InPlace(Net):
        def forward(self, x: Tensor) -> Tensor:
            x = self.first[0](x)
            x[:, :2].relu_()
            return x * 1

    with pytest.raises(ModelError, match="writing into a part of a tensor"):
        stream(InPlace().eval(), torch.zeros(1, 3, 20))


def test_real_audio_is_heard_where_it_is_given() -> None:
    audio = torch.rand(1, 3, 20)
    report = stream(Net().eval(), torch.zeros(1, 3, 20), proof=Proof(audio=audio)).report
    assert report.parity is not None
    assert report.parity.sounds == ("random frames", "the audio given")
    assert report.parity.difference < 1e-5
    assert report.parity.lengths == (20, 24)


@pytest.mark.shared
def test_a_network_on_samples_is_proved_on_a_real_recording(shared_data: Path) -> None:
    path = min((shared_data / "speech_commands" / "bird").glob("*.flac"))
    samples = torch.as_tensor(read(path, rate_hz=16_000).samples).reshape(1, -1)[:, :2000].float()
    report = stream(Samples().eval(), samples, rate_hz=16_000, proof=Proof(audio=samples)).report
    assert report.parity is not None
    assert report.parity.difference < 1e-4
    assert report.latency_ms == 1.0


def test_audio_of_another_shape_is_refused() -> None:
    with pytest.raises(ModelError, match=r"proof audio of shape \[1, 2, 20\]"):
        stream(Net().eval(), torch.zeros(1, 3, 20), proof=Proof(audio=torch.rand(1, 2, 20)))


def test_a_module_of_one_length_says_why_no_other_was_tried() -> None:
    class OneLength(Net):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x.view(x.shape[0], 3, 20))

    parity = stream(OneLength().eval(), torch.zeros(1, 3, 20)).report.parity
    assert parity is not None
    assert parity.lengths == (20,)
    assert "takes this length alone" in str(parity)


def test_distance_is_relative_and_infinite_between_shapes() -> None:
    assert apart(torch.tensor([1.0, 2.02]), torch.tensor([1.0, 2.0])) == pytest.approx(
        0.01, rel=1e-3
    )
    assert apart(torch.zeros(2), torch.zeros(3)) == float("inf")
    assert not apart(torch.tensor([float("nan")]), torch.ones(1)) <= 1e-4


def test_frames_like_speech_swell_and_fade() -> None:
    sound = speechlike(torch.zeros(1, 2, 100), 2)
    loud = sound.abs().amax((0, 1))
    assert loud[:3].max() == 0
    assert loud.max() > 0.5
