"""A judge of speakers hears conversions: it teaches the converter, and learns nothing itself."""

from __future__ import annotations

import torch

from small_converters import SMALL_MEL, small_converter
from sonant.bundle import build_speaker_model
from sonant.models.embedder import SpeakerEmbedder
from sonant.recipe import Recipe
from sonant.tasks.consistency import Consistency
from tone_speakers import SPEAKERS_RECIPE


def judge() -> SpeakerEmbedder:
    torch.manual_seed(0)
    return build_speaker_model(Recipe.load(SPEAKERS_RECIPE))


def voices() -> tuple[torch.Tensor, torch.Tensor]:
    samples = 0.1 * torch.randn(3, 1280, generator=torch.Generator().manual_seed(0))
    return samples, torch.tensor([1280, 1280, 900])


def test_every_clip_is_held_to_the_voice_of_the_one_before() -> None:
    samples, lengths = voices()
    heard: list[tuple[torch.Tensor, ...]] = []
    model = small_converter()

    def listen(source: torch.Tensor, *others: torch.Tensor) -> torch.Tensor:
        heard.append((source, *others))
        return model(source, *others)

    with torch.no_grad():
        away = Consistency(SMALL_MEL, judge())(listen, samples, lengths)  # type: ignore[arg-type]
    assert away.shape == (3,)
    assert (away >= 0).all()
    (source, target, own, theirs) = heard[0]
    assert source[1, 0].equal(samples[1])
    assert target[1, 0].equal(samples[0])
    assert (own.tolist(), theirs.tolist()) == ([1280, 1280, 900], [900, 1280, 1280])


def test_it_teaches_the_converter_and_changes_nothing_of_the_judge() -> None:
    speakers, model = judge(), small_converter().train()
    consistency = Consistency(SMALL_MEL, speakers)
    assert not list(consistency.parameters()), "it is neither optimised nor saved"
    consistency.train()
    assert not speakers.training
    before = {name: tensor.clone() for name, tensor in speakers.state_dict().items()}
    consistency(model, *voices()).mean().backward()
    assert all(tensor.equal(before[name]) for name, tensor in speakers.state_dict().items())
    assert all(weight.grad is None for weight in speakers.parameters())
    reached = [w.grad is not None and bool(w.grad.abs().sum() > 0) for w in model.parameters()]
    assert sum(reached) > len(reached) // 2


def test_steps_towards_it_make_conversions_sound_more_like_their_targets() -> None:
    model = small_converter().train()
    consistency, (samples, lengths) = Consistency(SMALL_MEL, judge()), voices()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    course = []
    for _ in range(8):
        away = consistency(model, samples, lengths).mean()
        optimizer.zero_grad()
        away.backward()
        optimizer.step()
        course.append(away.item())
    assert course[-1] < course[0]
