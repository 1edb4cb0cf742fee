"""Victims: one rule for verifiers, identifiers and recognisers: the highest score is the answer."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from small_detectors import small_detector
from small_embedders import LENGTHS, small_embedder, utterances
from sonant.attacks.bounds import Bound
from sonant.attacks.gradient import pgd
from sonant.attacks.objectives import away_from, towards
from sonant.attacks.victims import CLAIMED, NOBODY, Identifier, Listener, Verifier
from sonant.errors import ModelError
from sonant.models.embedder import SpeakerEmbedder


@pytest.fixture(scope="module")
def embedder() -> SpeakerEmbedder:
    return small_embedder("tdnn")


@pytest.fixture(scope="module")
def enrolled(embedder: SpeakerEmbedder) -> Tensor:
    """Of each utterance of `utterances`, its own embedding."""
    with torch.no_grad():
        return embedder(*utterances())


def test_a_verifier_accepts_above_its_threshold_alone(
    embedder: SpeakerEmbedder, enrolled: Tensor
) -> None:
    samples, lengths = utterances()
    own = Verifier(embedder, enrolled, threshold=0.999)
    assert own(samples, lengths)[:, 1].tolist() == pytest.approx([0.001] * len(LENGTHS), abs=1e-5)
    assert [own.names[n] for n in own.answers(samples, lengths)] == [CLAIMED] * len(LENGTHS)
    first = own.claiming(enrolled[0])
    cosines = enrolled @ enrolled[0]
    torch.testing.assert_close(first(samples, lengths)[:, 1], cosines - 0.999)
    assert not Verifier(embedder, enrolled, threshold=1.1).answers(samples, lengths).any()


def test_an_identifier_names_the_nearest_or_nobody(
    embedder: SpeakerEmbedder, enrolled: Tensor
) -> None:
    samples, lengths = utterances()
    names = [f"speaker {n}" for n in range(len(LENGTHS))]
    closed = Identifier(embedder, enrolled, names=names)
    assert closed.answers(samples, lengths).tolist() == list(range(len(LENGTHS)))
    open_set = Identifier(embedder, enrolled, names=names, threshold=1.1)
    assert {open_set.names[n] for n in open_set.answers(samples, lengths)} == {NOBODY}


def test_a_real_front_end_lets_the_gradient_through(
    embedder: SpeakerEmbedder, enrolled: Tensor
) -> None:
    samples, lengths = (given[:2] for given in utterances())
    yes = torch.ones(2, dtype=torch.long)
    bound = Bound(epsilon=0.01)
    own = Verifier(embedder, enrolled[:2], threshold=0.99)
    # On the very top, where a clip meets itself, nothing slopes: a second descent begins beside it.
    objective = away_from(own, yes, lengths=lengths)
    away = pgd(objective, samples, bound=bound, lengths=lengths, restarts=2)
    assert (own(away, lengths)[:, 1] < own(samples, lengths)[:, 1]).all()
    other = own.claiming(enrolled[:2].flip(0))
    near = pgd(towards(other, yes, lengths=lengths), samples, bound=bound, lengths=lengths)
    assert (other(near, lengths)[:, 1] > other(samples, lengths)[:, 1]).all()


def test_a_spoof_detector_can_be_led_to_hear_bona_fide_speech() -> None:
    victim = Listener(small_detector("lcnn"))
    clips = 0.1 * torch.randn(2, 1, 2000, generator=torch.Generator().manual_seed(0))
    bona_fide = torch.zeros(2, dtype=torch.long)
    assert victim.names[0] == "bonafide"
    changed = pgd(towards(victim, bona_fide), clips, bound=Bound(epsilon=0.02), steps=5)
    assert (towards(victim, bona_fide)(changed) > towards(victim, bona_fide)(clips)).all()


def test_a_spoof_detectors_parts_and_calibration_are_what_its_users_hear() -> None:
    """A clip of two windows and a half is heard in three, evenly spread; a short one whole."""
    model = small_detector("lcnn")
    clips = 0.1 * torch.randn(2, 1, 5000, generator=torch.Generator().manual_seed(0))
    lengths = torch.tensor([5000, 1500])
    parts = [clips[:1, 0, start : start + 2000] for start in (0, 1500, 3000)]
    with torch.no_grad():
        scores = [model(part)[0] for part in parts]
        long = torch.stack([one[0] - one[1] for one in scores]).mean()
        short = model(clips[1:, 0, :1500])[0]
        found = Listener(model, window=2000, slope=2.0, offset=-1.0)(clips, lengths)
    expected = torch.stack((2 * long - 1, 2 * (short[0] - short[1]) - 1))
    torch.testing.assert_close(found[:, 0], expected, rtol=1e-4, atol=1e-5)
    assert not found[:, 1].any()


def test_what_does_not_fit_the_model_is_named(embedder: SpeakerEmbedder, enrolled: Tensor) -> None:
    with pytest.raises(ModelError, match="embeddings of 3 values"):
        Verifier(embedder, torch.ones(3), threshold=0.5)
    with pytest.raises(ModelError, match="under 1 names"):
        Identifier(embedder, enrolled, names=["only one"])
