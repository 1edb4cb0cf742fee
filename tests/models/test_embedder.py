"""A speaker model: whatever stands behind an utterance or beside it, its embedding is its own."""

from __future__ import annotations

import pytest
import torch

from small_embedders import LENGTHS, RATE_HZ, SMALL, features_of, small_embedder, utterances
from sonant.errors import ModelError
from sonant.models.embedder import StreamingSpeakerEmbedder, scaled
from sonant.models.embedders import build_embedder
from sonant.nn.streaming import Session
from sonant.nn.utterance_config import DeepSpeakerFeaturesConfig

BEHIND = (0.0, 3.0, float("nan"))


def close(given: torch.Tensor, wanted: torch.Tensor) -> None:
    torch.testing.assert_close(given, wanted, atol=1e-5, rtol=0)


@torch.no_grad()
@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("behind", BEHIND)
def test_a_batch_is_answered_as_each_utterance_alone_whatever_stands_behind_it(
    name: str, behind: float
) -> None:
    embedder = small_embedder(name)
    samples, lengths = utterances()
    for row, length in zip(samples, LENGTHS, strict=True):
        row[:, length:] = behind
    together = embedder(samples, lengths)
    for number, length in enumerate(LENGTHS):
        alone = embedder(samples[number : number + 1, :, :length])
        close(together[number : number + 1], alone)
    assert (together @ together.T).min() < 0.999, "embeddings that differ between utterances"


@torch.no_grad()
@pytest.mark.parametrize("name", ["rescnn", "tdnn", "ecapa"])
def test_the_same_holds_for_the_features_of_deep_speaker(name: str) -> None:
    embedder = small_embedder(name, DeepSpeakerFeaturesConfig(mels=16))
    samples, lengths = utterances()
    together = embedder(samples, lengths)
    for number, length in enumerate(LENGTHS):
        close(together[number], embedder(samples[number : number + 1, :, :length])[0])


@torch.no_grad()
@pytest.mark.parametrize("name", SMALL)
def test_an_embedding_is_of_length_one_and_the_same_every_time(name: str) -> None:
    embedder = small_embedder(name)
    samples, lengths = utterances()
    first = embedder(samples, lengths)
    assert first.shape == (len(LENGTHS), embedder.size)
    close(first.norm(dim=1), torch.ones(len(LENGTHS)))
    assert torch.equal(embedder(samples, lengths), first)
    assert torch.equal(scaled(embedder.unscaled(samples, lengths)), first)


@torch.no_grad()
@pytest.mark.parametrize("name", SMALL)
def test_in_bfloat16_an_embedding_points_the_same_way_and_comes_out_as_float32(name: str) -> None:
    embedder = small_embedder(name)
    samples, lengths = utterances()
    with torch.autocast("cpu", torch.bfloat16):
        given = embedder(samples, lengths)
    assert given.dtype == torch.float32
    assert (given * embedder(samples, lengths)).sum(1).min() > 0.998


@pytest.mark.parametrize("name", SMALL)
def test_training_reaches_every_weight(name: str) -> None:
    embedder = small_embedder(name).train()
    samples, lengths = utterances()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        answer = embedder(samples[:, :, :8000], lengths.clamp(max=8000))
        (answer * torch.randn_like(answer)).sum().backward()
    for weight_name, weight in embedder.named_parameters():
        assert weight.grad is not None, weight_name
        assert weight.grad.isfinite().all(), weight_name


@torch.no_grad()
def test_training_may_vary_the_features_but_not_what_lies_behind_an_utterance() -> None:
    embedder = small_embedder("tdnn")
    samples, lengths = utterances()
    plain = embedder(samples, lengths)
    close(embedder(samples, lengths, lambda features: features), plain)
    assert not torch.allclose(embedder(samples, lengths, lambda features: 2 * features), plain)
    real = embedder.front_end(samples, lengths)[1].unsqueeze(1)
    close(embedder(samples, lengths, lambda features: features + (1 - real)), plain)


@pytest.mark.parametrize(
    ("samples", "lengths", "message"),
    [
        ((2, 900), None, r"\[batch, 1, samples\], got \[2, 900\]"),
        ((2, 2, 900), None, r"\[batch, 1, samples\]"),
        ((2, 1, 900), (3,), "one number of samples for each utterance"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(
    samples: tuple[int, ...], lengths: tuple[int, ...] | None, message: str
) -> None:
    embedder = small_embedder("tdnn")
    with pytest.raises(ModelError, match=message):
        embedder(torch.zeros(samples), None if lengths is None else torch.ones(lengths).long())


@torch.no_grad()
def test_a_stream_arrives_at_the_embedding_of_the_utterance() -> None:
    embedder = small_embedder("tdnn_stream")
    assert isinstance(embedder, StreamingSpeakerEmbedder)
    samples, lengths = utterances()
    whole = embedder(samples, lengths)
    for number, length in enumerate(LENGTHS):
        session = Session(embedder.stream)
        pieces = samples[number : number + 1, :, : max(160, length)].split(700, -1)
        answers = torch.cat([session.push(piece) for piece in pieces], -1)
        assert answers.shape[-1] == max(1, length // 160)
        close(answers.norm(dim=1), torch.ones_like(answers[:, 0]))
        if length >= 160:
            close(answers[0, :, -1], whole[number])


def test_a_network_that_streams_wants_a_front_end_that_streams() -> None:
    with pytest.raises(ModelError, match=r"front_end.mean = 'running'"):
        build_embedder(features_of("tdnn"), SMALL["tdnn_stream"], rate_hz=RATE_HZ)
    with pytest.raises(ModelError, match=r"front_end.name = 'utterance'"):
        build_embedder(DeepSpeakerFeaturesConfig(), SMALL["tdnn_stream"], rate_hz=RATE_HZ)


def test_what_it_hears_is_told() -> None:
    embedder = small_embedder("tdnn")
    assert (embedder.rate_hz, embedder.least_samples, embedder.size) == (RATE_HZ, 400, 12)
