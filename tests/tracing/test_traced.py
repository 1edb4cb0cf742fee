"""A traced stream in use: its end, its weights, its gradients, its export."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from sonant.export.step import export_step
from sonant.nn.streaming import Session, state_bytes
from sonant.tracing import Traced, stream
from tracing.nets import GALLERY, Samples


@cache
def traced(name: str) -> Traced:
    return stream(GALLERY[name].built(), GALLERY[name].example(), proof=None)


@pytest.mark.parametrize("rest", [0, 1])
def test_finish_gives_the_frames_still_owed_and_no_more(rest: int) -> None:
    branches = traced("branches")
    x = torch.randn(1, 4, 40 + rest)
    with torch.no_grad():
        y, state = branches.step(x[..., :40], branches.initial_state(x))
        end = branches.finish(state, x[..., 40:])
        expected = branches.module(x)
    got = torch.cat([y, end], -1)[..., branches.offset :]
    torch.testing.assert_close(got, expected, atol=1e-5, rtol=1e-4)


def test_the_end_of_a_clip_is_not_the_answer_to_silence() -> None:
    branches = traced("branches")
    x = torch.randn(1, 4, 40)
    with torch.no_grad():
        silent = branches(nn.functional.pad(x, (0, branches.delay)))[..., branches.offset :]
        exact = branches.clip(x)[..., : silent.shape[-1]]
    torch.testing.assert_close(silent[..., :-3], exact[..., : silent.shape[-1] - 3])
    assert (silent[..., -1] - exact[..., silent.shape[-1] - 1]).abs().max() > 1e-3


def test_a_causal_stream_owes_nothing() -> None:
    wavenet = traced("wavenet")
    x = torch.randn(1, 1, 20)
    with torch.no_grad():
        _, state = wavenet.step(x, wavenet.initial_state(x))
        assert wavenet.finish(state, x[..., :0]).shape == (1, 3, 0)


def test_a_clip_shorter_than_one_hop_is_a_clip() -> None:
    samples = stream(Samples().eval(), torch.zeros(1, 320), proof=None)
    x = torch.randn(2, 13)
    with torch.no_grad():
        torch.testing.assert_close(samples.clip(x[:, None]), samples.module(x))


def test_weights_are_the_modules_own() -> None:
    case = GALLERY["branches"]
    module = case.built()
    branches = stream(module, case.example(), proof=None)
    assert {id(weight) for weight in branches.parameters()} == {
        id(weight) for weight in module.parameters()
    }
    x = torch.randn(1, 4, 40)
    with torch.no_grad():
        module.wide.weight.mul_(2)  # type: ignore[union-attr,operator]
        torch.testing.assert_close(branches.clip(x), module(x), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", GALLERY)
def test_gradients_are_those_of_the_module(name: str) -> None:
    case = GALLERY[name]
    module = case.built()
    streamed = stream(module, case.example(), time_axis=case.time_axis, proof=None)
    x = case.example(3)

    def gradients(answer: Tensor) -> list[Tensor]:
        module.zero_grad()
        answer.square().sum().backward()
        return [w.grad.clone() for w in module.parameters() if w.grad is not None]

    heard = x[:, None] if x.dim() == 2 else x.movedim(case.time_axis, -1)
    expected = gradients(module(x))
    given = gradients(streamed.clip(heard))
    assert len(given) == len(expected) > 0
    for mine, theirs in zip(given, expected, strict=True):
        torch.testing.assert_close(mine, theirs, atol=1e-4, rtol=1e-3)


def test_a_copy_has_weights_of_its_own() -> None:
    branches = traced("branches")
    copy = deepcopy(branches)
    with torch.no_grad():
        for weight in copy.parameters():
            weight.zero_()
        assert not torch.allclose(copy(torch.ones(1, 4, 40)), branches(torch.ones(1, 4, 40)))


def test_doubles_stream_as_doubles() -> None:
    case = GALLERY["conv and gru"]
    module = case.built().double()
    streamed = stream(module, case.example().double(), proof=None)
    x = case.example(1).double()
    with torch.no_grad():
        torch.testing.assert_close(streamed.clip(x, chunk=1), module(x))


def test_the_state_a_session_keeps_is_the_one_reported() -> None:
    case = GALLERY["branches"]
    branches = stream(case.built(), case.example())
    session = Session(branches, shape=branches.shape)
    session.push(torch.randn(1, 4, 100))
    assert state_bytes(session.state) == branches.report.state_bytes


class Listener(nn.Module):
    """Samples in, with look-ahead in front of a recurrence: every kind of memory."""

    def __init__(self) -> None:
        super().__init__()
        self.frames = nn.Conv1d(1, 4, 12, stride=8, padding=2)
        self.conv = nn.Conv1d(4, 4, 3, padding=1)
        self.pool = nn.MaxPool1d(3, 1, 1)
        self.gru = nn.GRU(4, 3, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.frames(x))
        x = self.pool(self.conv(x)) + x
        return self.gru(x.transpose(1, 2))[0].transpose(1, 2)


@pytest.mark.filterwarnings("ignore")
def test_it_is_exported_like_any_other_stream(tmp_path: Path) -> None:
    listener = stream(Listener().eval(), torch.zeros(1, 1, 400))
    # Compared with the stream on whole signals, step by step in onnxruntime, by the exporter's own check.
    assert export_step(listener, tmp_path / "stream.onnx", hops=1) == 1
    from sonant.export.step import difference

    noise = torch.randn(2, 800).numpy()
    assert difference(listener, tmp_path / "stream.onnx", noise) < 1e-5
