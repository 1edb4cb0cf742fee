"""What holds for every network in the table."""

from __future__ import annotations

import dataclasses
import typing
from pathlib import Path

import onnxruntime
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from sonant.errors import ModelError
from sonant.models import MODELS, ModelConfig, build
from sonant.nn.streaming import Streamable

SHAPES = {
    "spectrogram_cnn": (32, 32),
    "spectral_lstm": (39, 30),
    "spectral_cnn": (39, 30),
    "kws_cnn": (20, 49),
    "dnn": (20, 49),
    "crnn": (20, 49),
    "gru": (20, 49),
    "lstm": (20, 49),
    "ds_cnn": (10, 49),
    "svdf": (30, 49),
    "att_mh_rnn": (20, 49),
    "att_mh_rnn_whole": (20, 49),
    "tc_resnet": (40, 49),
    "ds_tc_resnet": (40, 49),
    "bc_resnet": (40, 49),
    "bc_resnet_stream": (40, 49),
    "mixednet": (40, 49),
    "keyword_transformer": (40, 49),
    "keyword_transformer_stream": (40, 49),
    "resnet18": (64, 32),
    "mobilenet_v3_small": (64, 32),
}
"""(bins, frames) of the front end that each is used with, or thereabouts."""
LABELS = 7
EVERY = pytest.mark.parametrize("name", MODELS)
EXPORTED = ("spectrogram_cnn", "spectral_lstm", "spectral_cnn", "kws_cnn")
"""The others take seconds each to export and are made of the same layers."""


def network(name: str) -> nn.Module:
    torch.manual_seed(1)
    bins, frames = SHAPES[name]
    return build(MODELS[name][0](), bins=bins, frames=frames, labels=LABELS)


def answers(network: nn.Module, clips: Tensor) -> Tensor:
    """Logits [clips, labels]: of a network that streams, those of its last frame."""
    if isinstance(network, Streamable):
        return network.last(clips).squeeze(-1)
    logits: Tensor = network(clips)
    return logits


class Answers(nn.Module):
    """A network of either kind, for clips."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, clips: Tensor) -> Tensor:
        return answers(self.network, clips)


def features(name: str, *, clips: int) -> Tensor:
    generator = torch.Generator().manual_seed(2)
    return torch.randn(clips, *SHAPES[name], generator=generator)


def test_the_table_holds_every_config_once_and_builds_its_network() -> None:
    assert [config for config, _ in MODELS.values()] == list(typing.get_args(ModelConfig))
    for name, (_, kind) in MODELS.items():
        assert type(network(name)) is kind


@EVERY
def test_every_setting_is_frozen_and_explained(name: str) -> None:
    config = MODELS[name][0]()
    field = dataclasses.fields(config)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(config, field, getattr(config, field))
    assert not hasattr(config, "__dict__"), "slots"


@EVERY
def test_features_become_one_row_of_logits_a_clip(name: str) -> None:
    logits = answers(network(name).eval(), features(name, clips=3))
    assert logits.shape == (3, LABELS)
    assert logits.min() < 0, "logits, not probabilities: the loss applies its own softmax"


@EVERY
def test_gradients_reach_every_weight(name: str) -> None:
    built = network(name).eval()
    functional.cross_entropy(answers(built, features(name, clips=4)), torch.arange(4)).backward()
    unreached = [key for key, p in built.named_parameters() if p.grad is None or not p.grad.any()]
    assert unreached == []


@EVERY
def test_the_same_clip_gets_the_same_answer_whoever_its_batch_mates_are(name: str) -> None:
    built, clips = network(name).eval(), features(name, clips=5)
    with torch.no_grad():
        together, again = answers(built, clips), answers(built, clips)
        alone = torch.cat([answers(built, clips[i : i + 1]) for i in range(5)])
        strangers = answers(built, torch.cat([clips[:1], 100 * clips[1:]]))
    assert torch.equal(together, again)
    torch.testing.assert_close(alone, together, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(strangers[0], together[0], atol=1e-5, rtol=1e-5)


@EVERY
def test_one_step_of_training_in_bfloat16_and_channels_last_stays_finite(name: str) -> None:
    built = network(name).train().to(memory_format=torch.channels_last)
    clips, before = features(name, clips=8), [p.detach().clone() for p in built.parameters()]
    optimizer = torch.optim.SGD(built.parameters(), lr=0.01)
    with torch.autocast("cpu", torch.bfloat16):
        loss = functional.cross_entropy(answers(built, clips).float(), torch.arange(8) % LABELS)
    loss.backward()
    optimizer.step()
    for weight, old in zip(built.parameters(), before, strict=True):
        assert weight.isfinite().all()
        assert weight.grad is not None
        assert weight.dtype == old.dtype == torch.float32


@EVERY
@pytest.mark.parametrize("missing", ["bins", "frames", "labels"])
def test_nothing_to_look_at_or_to_answer_is_refused(name: str, missing: str) -> None:
    sizes = {"bins": 64, "frames": 64, "labels": 2} | {missing: 0}
    with pytest.raises(ModelError, match=f"^{missing}: 0"):
        build(MODELS[name][0](), **sizes)


@pytest.mark.parametrize("name", EXPORTED)
@pytest.mark.filterwarnings(
    "ignore::FutureWarning",
    "ignore:The tensor attributes:UserWarning",
    "ignore:The .grad attribute:UserWarning",
)
def test_the_onnx_graph_answers_like_the_network_for_any_number_of_clips(
    name: str, tmp_path: Path
) -> None:
    built, graph = Answers(network(name)).eval(), tmp_path / "graph.onnx"
    free = {0: torch.export.Dim("batch")}
    program = torch.onnx.export(
        built, (features(name, clips=2),), dynamo=True, dynamic_shapes=(free,), verbose=False
    )
    assert program is not None
    program.save(graph)
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    for clips in (1, 2, 5):
        given = features(name, clips=clips)
        (answer,) = session.run(None, {session.get_inputs()[0].name: given.numpy()})
        with torch.no_grad():
            torch.testing.assert_close(torch.from_numpy(answer), built(given), atol=1e-5, rtol=1e-4)
