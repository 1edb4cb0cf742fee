"""A stream goes out as a step graph that answers as the network does over whole signals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor, nn

from sonant.errors import ExportError
from sonant.export.step import StepRunner, difference, export_step, leaves_of, specification
from sonant.nn.frontend_config import LogMelConfig
from sonant.nn.layers import Conv1d, ConvTranspose1d
from sonant.nn.recurrent import GRU
from sonant.nn.streaming import Chain, Delay, Pointwise, Residual, State, Streamable
from sonant.nn.streaming_frontend import StreamingFrontEnd

RATE_HZ, LABELS = 16_000, 3
MELS = LogMelConfig(window_length=400, hop_length=160, mels=8, centre=False)


def small(seed: int = 0) -> Chain:
    """A front end, a stride, a look-ahead, a memory."""
    torch.manual_seed(seed)
    return Chain(
        StreamingFrontEnd(MELS, rate_hz=RATE_HZ),
        Conv1d(8, 6, 3, stride=2, bias=False),
        Pointwise(nn.BatchNorm1d(6)),
        Residual(Conv1d(6, 6, 3, groups=6, lookahead=1), Delay([6], 1)),
        GRU(6, 4),
        Pointwise(nn.Conv1d(4, LABELS, 1)),
    ).train()


def clips(count: int, samples: int = 4000) -> np.ndarray:
    return np.random.default_rng(count).uniform(-0.5, 0.5, (count, samples)).astype(np.float32)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Chain, Path, int | None]:
    stream, path = small(), tmp_path_factory.mktemp("step") / "stream.onnx"
    return stream, path, export_step(stream, path)


def test_any_chunking_any_batch_and_no_reset_answer_as_the_whole(
    exported: tuple[Chain, Path, int | None],
) -> None:
    stream, path, hops = exported
    assert hops is None
    for count in (1, 2, 5):
        assert difference(stream, path, clips(count)) < 1e-5


def test_the_model_is_left_as_it_was(exported: tuple[Chain, Path, int | None]) -> None:
    assert exported[0].training


def test_states_are_named_by_their_place_and_the_card_knows_them(
    exported: tuple[Chain, Path, int | None],
) -> None:
    stream, path, _ = exported
    graph = onnx.load(path).graph
    spec = specification(stream, macs_per_second=12.5)
    names = [state.name for state in spec.states]
    assert names == ["state.0.0", "state.1", "state.3.0", "state.3.1", "state.4"]
    assert [end.name for end in graph.input] == ["samples", *names]
    assert [end.name for end in graph.output] == [
        "probabilities",
        *(state.next for state in spec.states),
    ]
    assert [state.shape for state in spec.states] == [(1, 240), (8, 1), (6, 2), (6, 1), (1, 4)]
    assert {node.domain for node in graph.node} <= {""}
    assert (spec.hop, spec.delay, spec.macs_per_second) == (320, 320, 12.5)
    assert spec.bytes == 4 * (240 + 8 + 12 + 6 + 4)


def test_a_network_that_forgets_is_warm_after_its_receptive_field() -> None:
    forgetting = Chain(Conv1d(1, 2, 5, stride=4), Conv1d(2, 2, 3))
    assert specification(forgetting, macs_per_second=1.0).warm_up == 5 + 2 * 4
    assert specification(small(), macs_per_second=1.0).warm_up == 320


def test_a_fresh_state_is_exactly_zero(exported: tuple[Chain, Path, int | None]) -> None:
    fresh = leaves_of(exported[0].initial_state(torch.ones(2, 1, 320)))
    assert fresh
    assert not any(leaf.any() for leaf in fresh.values())


def test_a_stream_that_begins_with_anything_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="state: a new stream begins with other values"):
        export_step(Biased(), tmp_path / "stream.onnx", hops=1)


def test_a_graph_of_a_fixed_length_is_proved_in_its_own_steps(tmp_path: Path) -> None:
    path = tmp_path / "stream.onnx"
    stream = Chain(Conv1d(1, LABELS, 6, stride=4), Conv1d(LABELS, LABELS, 3))
    assert export_step(stream, path, hops=2) == 2
    runner = StepRunner(path, hop=4)
    assert (runner.free, runner.least) == (False, 8)
    # The last samples of 101 are no step any more.
    assert difference(stream, path, clips(3, samples=101)) < 1e-6


def test_a_state_that_holds_nothing_is_no_input(tmp_path: Path) -> None:
    stream = Chain(Conv1d(1, 2, 4, stride=4), Conv1d(2, LABELS, 2))
    export_step(stream, tmp_path / "stream.onnx", hops=1)
    names = [end.name for end in onnx.load(tmp_path / "stream.onnx").graph.input]
    assert names == ["samples", "state.1"]
    assert difference(stream, tmp_path / "stream.onnx", clips(2, samples=40)) < 1e-6


def test_a_graph_of_another_model_is_refused(exported: tuple[Chain, Path, int | None]) -> None:
    with pytest.raises(ExportError, match="differs from the model by"):
        difference(small(seed=1), exported[1], clips(2))


class Biased(Streamable):
    """Remembers something before it heard anything."""

    def initial_state(self, like: Tensor) -> State:
        return like.new_ones(like.shape[0], 1, 1)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        assert isinstance(state, Tensor)
        return torch.cat([x + state, -x], 1), x[..., -1:]


class Forgetful(Streamable):
    """Answers in steps otherwise than over the whole: it never keeps its state."""

    receptive_field = 2

    def initial_state(self, like: Tensor) -> State:
        return like.new_zeros(like.shape[0], 1, 1)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        assert isinstance(state, Tensor)
        y = x + torch.cat([state, x[..., :-1]], -1)
        return torch.cat([y, -y], 1), torch.zeros_like(state) * x[..., :1]


def test_a_stream_that_depends_on_how_it_is_cut_is_refused(tmp_path: Path) -> None:
    export_step(Forgetful(), tmp_path / "stream.onnx", hops=1)
    with pytest.raises(ExportError, match=r"differs from the model by .* frames"):
        difference(Forgetful(), tmp_path / "stream.onnx", clips(2, samples=50))


def test_what_cannot_be_exported_says_why_in_one_line(tmp_path: Path) -> None:
    class Deciding(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x if x.sum().item() > 0 else -x

    stream = Chain(Conv1d(1, 2, 4, stride=4), Pointwise(Deciding()))
    with pytest.raises(ExportError, match="cannot be written as ONNX") as raised:
        export_step(stream, tmp_path / "stream.onnx", hops=1)
    assert len(str(raised.value).splitlines()) == 1
    assert not (tmp_path / "stream.onnx").exists()


def test_a_stream_faster_than_its_samples_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="a frame every 1/2 samples"):
        export_step(ConvTranspose1d(1, 2, 2, stride=2), tmp_path / "stream.onnx")
