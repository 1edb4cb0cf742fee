"""Nothing that streams escapes the laws."""

from __future__ import annotations

import pytest

from laws.subjects import (
    EVERYTHING,
    FRONT_ENDS,
    LAYER_KINDS,
    LAYERS,
    NETWORKS,
    SPEAKERS,
    VOCODING,
    Subject,
)
from sonant.models import MODELS, build
from sonant.models.embedders import EMBEDDERS
from sonant.models.vocoders import VOCODERS
from sonant.nn.frontend_config import FRONT_ENDS as FRONT_END_KINDS
from sonant.nn.streaming import Streamable
from sonant.nn.streaming_frontend import StreamingFrontEnd

pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections")


def test_every_streaming_layer_is_under_the_laws() -> None:
    held = {type(part) for subject in LAYERS for part in subject.built().modules()}
    assert held >= LAYER_KINDS


@pytest.mark.parametrize("name", MODELS)
def test_every_network_that_streams_is_under_the_laws(name: str) -> None:
    network = build(MODELS[name][0](), bins=40, frames=98, labels=4)
    held = {subject.name for subject in NETWORKS}
    assert (name in held) == isinstance(network, Streamable)


def test_every_network_for_speakers_that_streams_is_under_the_laws() -> None:
    streaming = {name for name, (_, kind) in EMBEDDERS.items() if issubclass(kind, Streamable)}
    assert {subject.name for subject in SPEAKERS} == streaming == {"tdnn_stream"}


def test_every_vocoder_that_streams_is_under_the_laws() -> None:
    streaming = {name for name, (_, kind) in VOCODERS.items() if issubclass(kind, Streamable)}
    assert {subject.name for subject in VOCODING} == streaming == {"vocos"}


def test_every_kind_of_front_end_is_under_the_laws() -> None:
    held = {type(front_end(subject).config) for subject in FRONT_ENDS}
    assert held == set(FRONT_END_KINDS.values())


def front_end(subject: Subject) -> StreamingFrontEnd:
    built = subject.built()
    assert isinstance(built, StreamingFrontEnd)
    return built


def test_no_two_subjects_share_a_name() -> None:
    names = [subject.name for subject in EVERYTHING]
    assert len(names) == len(set(names))
