"""Cases as batches of tensors: what stands behind a clip's end, who claims what, who was asked how often."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from guarded_voices import write_detector
from linear_victim import SAMPLES, Linear, clips
from small_embedders import small_embedder
from sonant import bundle
from sonant.attacking.cases import Case, Plan
from sonant.attacking.ears import VerifierEar
from sonant.attacking.problems import Bench, Problem, counted, listener, stacked
from sonant.attacks.objectives import towards
from sonant.attacks.victims import ANOTHER, CLAIMED, Verifier
from sonant.card import Card
from sonant.errors import BundleError
from sonant.manifest import Item
from sonant.spoofing.detector import Detector
from spoof_bundle import MIDDLE, STEEP, noise

ITEM = Item(path=Path("clip.wav"))


def problem(*, answers: str = "abca", away: bool = False) -> Problem:
    cases = [Case(number=n, item=ITEM, answer=a, away=away) for n, a in enumerate(answers)]
    return Problem(
        victim=Linear(),
        cases=tuple(cases),
        clean=clips(len(answers)),
        lengths=torch.tensor([SAMPLES, 300, 200, 100][: len(answers)]),
        places=torch.tensor(["abc".index(a) for a in answers]),
    )


def verifier(claims: int) -> Verifier:
    enrolled = torch.eye(12)[:claims]
    return Verifier(small_embedder("tdnn"), enrolled, threshold=0.5)


def test_sounds_of_one_length_have_no_lengths_and_others_end_in_silence() -> None:
    batch, lengths = stacked([np.ones(5, np.float32), np.ones(5, np.float32)])
    assert batch.shape == (2, 1, 5)
    assert lengths is None
    batch, lengths = stacked([np.ones(5, np.float32), np.ones(3, np.float32)])
    assert lengths is not None
    assert lengths.tolist() == [5, 3]
    assert batch[1, 0].tolist() == [1, 1, 1, 0, 0]


def test_the_objective_is_the_margin_of_the_wanted_answer() -> None:
    towards, away = problem(), problem(away=True)
    with torch.no_grad():
        scores = towards.victim(towards.clean, towards.lengths)
        expected = [
            float(row[p] - torch.cat((row[:p], row[p + 1 :])).max())
            for row, p in zip(scores, towards.places.tolist(), strict=True)
        ]
        assert towards.objective(towards.clean).tolist() == pytest.approx(expected)
        assert away.objective(away.clean).tolist() == pytest.approx([-one for one in expected])


def test_some_cases_by_themselves_are_what_they_are_among_the_others() -> None:
    whole = problem()
    some = whole.some([2, 0])
    assert [case.number for case in some.cases] == [2, 0]
    with torch.no_grad():
        values = whole.objective(whole.clean)
        torch.testing.assert_close(some.objective(some.clean), values[[2, 0]])


def test_some_claims_go_with_their_cases() -> None:
    cases = tuple(Case(number=n, item=ITEM, answer=CLAIMED) for n in range(3))
    samples = 0.1 * torch.randn(3, 1, 4000, generator=torch.Generator().manual_seed(0))
    whole = Problem(
        victim=verifier(3),
        cases=cases,
        clean=samples,
        lengths=None,
        places=torch.ones(3, dtype=torch.long),
    )
    some = whole.some([1])
    assert isinstance(some.victim, Verifier)
    assert some.victim.enrolled.tolist() == [torch.eye(12)[1].tolist()]
    with torch.no_grad():
        alone, together = some.objective(some.clean), whole.objective(whole.clean)
    torch.testing.assert_close(alone, together[1:2], rtol=1e-4, atol=1e-5)


def test_each_case_ends_where_its_clip_does() -> None:
    whole = problem()
    parts = list(whole.each())
    assert [part.clean.shape[-1] for part in parts] == [SAMPLES, 300, 200, 100]
    assert all(part.lengths is None for part in parts)
    with torch.no_grad():
        alone = torch.cat([part.objective(part.clean) for part in parts])
        torch.testing.assert_close(alone, whole.objective(whole.clean))


def test_every_clip_asked_about_is_counted_whatever_it_claims() -> None:
    victim = verifier(2)
    sound = torch.zeros(2, 1, 4000)
    with counted(victim) as count:
        victim(sound)
        victim.claiming(victim.enrolled[1:])(sound[:1])
    victim(sound)
    assert count.clips == 3
    prey = Linear()
    with counted(prey) as count:
        prey(clips(4))
    assert count.clips == 4


def test_a_graph_alone_has_no_gradient_to_follow(graph_alone: Path) -> None:
    card = Card.read(graph_alone)
    ear = VerifierEar(card, rate_hz=16_000, threshold=0.5, read=lambda _: np.ones(1, np.float32))
    plan = Plan(kind="verifier", goal="accept", cases=(), names=(ANOTHER, CLAIMED))
    with pytest.raises(BundleError, match="fused of several models"):
        Bench(card, plan, ear, device=torch.device("cpu"))


class Loud(nn.Module):
    """In torch, what the graph of `spoof_bundle` says: loud is bona fide."""

    rate_hz, fixed_samples = 16_000, None

    def forward(self, samples: Tensor, lengths: Tensor) -> Tensor:
        over = samples.abs().sum(1) / lengths - MIDDLE
        return STEEP * torch.stack((over, -over), dim=1)


def test_a_detector_says_here_what_its_bundle_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An attack that raised another number would get past a detector that nobody runs."""
    monkeypatch.setattr(bundle, "load_detector", lambda _: Loud())
    card = Card.read(write_detector(tmp_path, offset=-2.5))
    heard, detector = listener(card, device=torch.device("cpu")), Detector(card)
    swell = np.linspace(0.2, 1.4, 40_000, dtype=np.float32) ** 2
    for samples in (40_000, 16_000, 9_000):
        clip = noise(0.2, samples / 16_000) * swell[:samples]
        said = detector.detect(clip, rate_hz=16_000)
        assert said.calibrated
        llr = towards(heard, torch.zeros(1, dtype=torch.long))(torch.from_numpy(clip)[None, None])
        assert float(llr) == pytest.approx(said.llr_bonafide, abs=1e-3), samples
