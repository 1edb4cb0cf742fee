"""Critics: sizes, what they hear, and what is made of their scores."""

from __future__ import annotations

import pytest
import torch

from sonant.errors import RecipeError
from sonant.nn.critics import Critics, CriticsConfig, Heard, against, likeness, pleasing
from sounds import tone, white

SMALL = CriticsConfig(
    periods=(2, 3), period_channels=(4, 4), resolutions=(64,), spectrum_channels=4
)


def critics() -> Critics:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Critics(SMALL)


def heard(*scores: float) -> list[Heard]:
    return [Heard(torch.tensor([[score]]), [torch.tensor([score])]) for score in scores]


@pytest.mark.parametrize("samples", [64, 1001, 4096])
def test_each_critic_scores_sounds_of_any_length(samples: int) -> None:
    found = critics()(white(2, length=samples).unsqueeze(1))
    assert [len(one.layers) for one in found] == [2, 2, 4]
    assert all(one.scores.shape[0] == 2 and one.scores.isfinite().all() for one in found)


def test_a_critic_of_periods_sees_what_stands_a_period_apart() -> None:
    only = Critics(CriticsConfig(periods=(3,), period_channels=(4,), resolutions=()))
    sound = white(1, length=300).unsqueeze(1)
    other = sound.clone()
    other[..., 150] += 1.0
    one, two = only(sound)[0].layers[0], only(other)[0].layers[0]
    changed = (one != two).any(dim=(0, 1, 2) if one.dim() == 4 else 0)
    assert changed.tolist() == [True, False, False]  # 150 is in the first of three columns


def test_real_speech_high_and_made_speech_low_is_what_critics_want() -> None:
    for rule in ("hinge", "least_squares"):
        right = against(heard(1.0, 1.0), heard(-1.0, -1.0), rule=rule)  # type: ignore[arg-type]
        wrong = against(heard(-1.0, -1.0), heard(1.0, 1.0), rule=rule)  # type: ignore[arg-type]
        assert right < wrong
    assert against(heard(1.0), heard(-1.0), rule="hinge") == 0
    assert against(heard(1.0), heard(0.0), rule="least_squares") == 0


def test_a_vocoder_wants_to_score_as_real_speech_does() -> None:
    assert pleasing(heard(1.0), rule="least_squares") == 0
    assert pleasing(heard(2.0, 0.0), rule="hinge") == -1


def test_likeness_is_nothing_between_equals_and_reaches_the_made_sound_alone() -> None:
    judges = critics()
    real, made = (sound.view(1, 1, -1).requires_grad_() for sound in (tone(440.0), white(1)[0]))
    assert likeness(judges(real), judges(real)) == 0
    likeness(judges(real), judges(made)).backward()
    assert made.grad is not None
    assert made.grad.any()
    assert real.grad is None


def test_critics_learn_to_tell_a_tone_from_noise() -> None:
    judges = critics()
    optimizer = torch.optim.Adam(judges.parameters(), 1e-2)
    real, made = tone(440.0, length=2000).view(1, 1, -1), white(1, length=2000).unsqueeze(1)
    first = against(judges(real), judges(made), rule="hinge").item()
    for _ in range(20):
        loss = against(judges(real), judges(made), rule="hinge")
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.7 * first


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"periods": (), "resolutions": ()}, "name one critic at least"),
        ({"periods": (0,)}, r"periods: \(0,\) is not above 0"),
        ({"period_channels": ()}, "period_channels: is empty"),
        ({"resolutions": (250,)}, "250 is no multiple of 4"),
    ],
)
def test_settings_that_make_no_sense_are_refused(
    settings: dict[str, tuple[int, ...]], message: str
) -> None:
    with pytest.raises(RecipeError, match=message):
        CriticsConfig(**settings)  # type: ignore[arg-type]
