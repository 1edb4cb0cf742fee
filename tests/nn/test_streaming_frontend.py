"""The front end as a stream: the frames of a clip, however its samples come."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import onnxruntime
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from sonant.errors import ModelError
from sonant.nn.frontend import FrontEnd
from sonant.nn.frontend_config import (
    FrontEndConfig,
    LogMelConfig,
    MfccConfig,
    MicroConfig,
    RawConfig,
    SpectrogramConfig,
)
from sonant.nn.streaming import Session, State, named_leaves, with_leaves
from sonant.nn.streaming_frontend import StreamingFrontEnd, streams

RATE_HZ = 16_000
LOG_MEL = LogMelConfig(window_length=480, hop_length=160, mels=20, centre=False)
EACH_KIND: tuple[FrontEndConfig, ...] = (
    SpectrogramConfig(window_length=256, hop_length=128),
    LOG_MEL,
    MfccConfig(),
    RawConfig(frame_length=400, hop_length=160),
    RawConfig(),
)
GAPS = (
    RawConfig(frame_length=100, hop_length=160),
    SpectrogramConfig(window_length=100, hop_length=160),
)


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)) * 0.1


@pytest.mark.parametrize("config", EACH_KIND + GAPS)
def test_frames_that_lie_whole_inside_the_sound_are_those_of_the_clip(
    config: FrontEndConfig,
) -> None:
    stream = StreamingFrontEnd(config, rate_hz=RATE_HZ)
    clip = FrontEnd(config, rate_hz=RATE_HZ)
    window = stream.receptive_field
    assert isinstance(window, int)
    assert isinstance(stream.hop, int)
    # So long that both the stream's windows and the clip's end with the last sample.
    samples = 20 * stream.hop
    sound = noise(2, 1, samples)
    wanted = clip(sound[..., (samples - window) % stream.hop :])

    frames = stream(sound)

    assert frames.shape == (2, stream.shape(samples)[0], 20)
    torch.testing.assert_close(frames[..., -wanted.shape[-1] :], wanted)


@pytest.mark.parametrize("config", [EACH_KIND[0], LOG_MEL, RawConfig(frame_length=99)])
def test_with_pre_emphasis_all_but_the_first_frame_of_the_clip_agree(
    config: FrontEndConfig,
) -> None:
    config = replace(config, pre_emphasis=0.97)
    stream = StreamingFrontEnd(config, rate_hz=RATE_HZ)
    assert isinstance(stream.hop, int)
    window = int(stream.receptive_field or 0) - 1
    samples = 20 * stream.hop
    sound = noise(2, 1, samples)
    # A clip has nothing in front of its first sample; the stream knows what was there.
    wanted = FrontEnd(config, rate_hz=RATE_HZ)(sound[..., (samples - window) % stream.hop :])
    wanted = wanted[..., 1:]
    torch.testing.assert_close(stream(sound)[..., -wanted.shape[-1] :], wanted)


@pytest.mark.parametrize("config", EACH_KIND + GAPS)
@pytest.mark.parametrize("pre_emphasis", [0.0, 0.9])
@settings(max_examples=5, deadline=None)
@given(cuts=st.lists(st.integers(1, 900), min_size=1, max_size=6))
def test_however_a_stream_is_cut_its_frames_are_the_same(
    config: FrontEndConfig, pre_emphasis: float, cuts: list[int]
) -> None:
    stream = StreamingFrontEnd(replace(config, pre_emphasis=pre_emphasis), rate_hz=RATE_HZ)
    assert isinstance(stream.hop, int)
    sound = noise(1, 1, -(-sum(cuts) // stream.hop) * stream.hop)
    session = Session(stream)
    parts = [session.push(part) for part in torch.split(sound[..., : sum(cuts)], cuts, -1)]
    parts.append(session.push(sound[..., sum(cuts) :]))
    torch.testing.assert_close(torch.cat(parts, -1), stream(sound))


@pytest.mark.parametrize(
    ("config", "kept"),
    [
        (LOG_MEL, 320),
        (replace(LOG_MEL, pre_emphasis=0.97), 321),
        (RawConfig(), 0),
        (RawConfig(pre_emphasis=0.5), 1),
        (GAPS[0], 0),
    ],
)
def test_what_is_kept_is_where_windows_overlap(config: FrontEndConfig, kept: int) -> None:
    stream = StreamingFrontEnd(config, rate_hz=RATE_HZ)
    leaves = named_leaves(stream.initial_state(noise(3, 1, 160)))
    assert [leaf.tolist() for leaf in leaves.values()] == [[[[0.0] * kept]] * 3] * bool(kept)


def test_the_first_windows_reach_back_into_silence() -> None:
    stream = StreamingFrontEnd(RawConfig(frame_length=4, hop_length=2), rate_hz=RATE_HZ)
    frames = stream(torch.arange(1.0, 7.0)[None, None])
    assert frames[0].T.tolist() == [[0, 0, 1, 2], [1, 2, 3, 4], [3, 4, 5, 6]]


@pytest.mark.parametrize(
    ("config", "setting"),
    [
        (LogMelConfig(), "centre = false"),
        (replace(LOG_MEL, resize=(32, 32)), "resize"),
        (RawConfig(resize=(1, 100)), "resize"),
        (replace(LOG_MEL, top_db=80.0), "top_db"),
    ],
)
def test_what_needs_the_whole_clip_is_refused_by_the_setting(
    config: FrontEndConfig, setting: str
) -> None:
    assert setting in str(streams(config))
    with pytest.raises(ModelError, match=setting):
        StreamingFrontEnd(config, rate_hz=RATE_HZ)
    assert streams(LOG_MEL) is None


def test_statistics_shape_and_transform_are_those_of_the_front_end_inside() -> None:
    config = replace(LOG_MEL, normalise="per_bin")
    stream, clip = (kind(config, rate_hz=RATE_HZ) for kind in (StreamingFrontEnd, FrontEnd))
    stream.adapt([noise(4, 1, 8000)])
    clip.adapt([noise(4, 1, 8000)])
    stream.dft = "matmul"
    assert stream.shape(16_000) == clip.shape(16_000) == (20, 98)
    assert stream.dft == "matmul"
    assert stream.config is config
    assert stream.rate_hz == RATE_HZ
    sound = noise(1, 1, 1600, seed=1)
    torch.testing.assert_close(stream(sound)[..., 2:], clip(sound), rtol=1e-4, atol=1e-3)


def test_a_step_shorter_than_the_hop_is_refused() -> None:
    with pytest.raises(ModelError, match=r"100 samples.*160"):
        StreamingFrontEnd(LOG_MEL, rate_hz=RATE_HZ)(noise(1, 1, 100))


class Steps(nn.Module):
    """A step of several front ends as one graph, since every export takes seconds."""

    def __init__(self, streams: list[StreamingFrontEnd]) -> None:
        super().__init__()
        self.modules_kept = nn.ModuleList(streams)  # so that the exporter sees what they hold
        self.streams = tuple(streams)

    def fresh(self, samples: Tensor) -> State:
        return tuple(stream.initial_state(samples) for stream in self.streams)

    def forward(self, samples: Tensor, *leaves: Tensor) -> tuple[Tensor, ...]:
        states = with_leaves(self.fresh(samples), iter(leaves))
        answers, after = zip(
            *(
                stream.step(samples, state)
                for stream, state in zip(self.streams, states, strict=True)
            ),
            strict=True,
        )
        return (*answers, *named_leaves(after).values())


REMEMBERING = (replace(LOG_MEL, log="pcen"), MicroConfig())
ONE_HOP = (1, REMEMBERING)
ANY_HOPS = (4, (*EACH_KIND[2:4], *REMEMBERING, GAPS[0]))


@pytest.mark.parametrize(("hops", "configs"), [ONE_HOP, ANY_HOPS])
def test_a_step_exports_with_a_free_batch_and_of_any_number_of_hops(
    tmp_path: Path, hops: int, configs: tuple[FrontEndConfig, ...]
) -> None:
    steps = Steps([StreamingFrontEnd(config, rate_hz=RATE_HZ) for config in configs]).eval()
    hop = max(int(stream.hop) for stream in steps.streams)
    samples = noise(2, 1, hops * hop)
    leaves = [torch.rand_like(leaf) for leaf in named_leaves(steps.fresh(samples)).values()]
    batch, free = torch.export.Dim("batch", min=1), hop * torch.export.Dim("hops", min=1, max=64)
    graph = tmp_path / "steps.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own deprecations
        program = torch.onnx.export(
            steps,
            (samples, *leaves),
            dynamo=True,
            verbose=False,
            dynamic_shapes=(
                {0: batch, **({2: free} if hops > 1 else {})},
                ({0: batch},) * len(leaves),
            ),
        )
    assert program is not None
    program.save(str(graph))
    session = onnxruntime.InferenceSession(str(graph), providers=["CPUExecutionProvider"])
    names = [node.name for node in session.get_inputs()]
    for count in (1, 6) if hops > 1 else (1,):
        given = [
            noise(3, 1, count * hop, seed=1),
            *(torch.cat([leaf, leaf[:1]]) for leaf in leaves),
        ]
        answers = session.run(None, {name: x.numpy() for name, x in zip(names, given, strict=True)})
        for answer, wanted in zip(answers, steps(*given), strict=True):
            assert answer.shape == wanted.shape
            near = torch.isclose(torch.from_numpy(answer), wanted, rtol=1e-4, atol=1e-3)
            # The micro front end rounds down, and float32 may fall on the other side of a step.
            assert near.float().mean() > 0.99
