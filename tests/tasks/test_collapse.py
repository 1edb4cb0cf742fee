"""The collapse monitor: how far embeddings lie apart, and when a run has to stop."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from sonant.errors import TrainingError
from sonant.tasks.collapse import CollapseMonitor, spread

WHO = torch.tensor([0, 0, 1, 1, 2, 2])


def apart(share: float) -> torch.Tensor:
    """Embeddings that share a direction to some degree."""
    torch.manual_seed(0)
    own = F.normalize(torch.randn(6, 8), dim=1)
    return F.normalize(share * torch.ones(8) / 8**0.5 + (1 - share) * own, dim=1)


def test_the_cosine_is_the_mean_over_pairs_of_different_speakers() -> None:
    given = apart(0.3)
    pairs = [(given[a] @ given[b]).item() for a in range(6) for b in range(6) if WHO[a] != WHO[b]]
    found = spread(given, WHO)
    assert found.cosine == pytest.approx(sum(pairs) / len(pairs), abs=1e-6)
    assert found.variance == pytest.approx(given.var(0, correction=0).sum().item(), abs=1e-6)


def test_one_point_has_no_spread_and_one_speaker_no_pairs() -> None:
    same = apart(0.3)[:1].repeat(6, 1)
    assert spread(same, WHO).cosine == pytest.approx(1.0)
    assert spread(same, WHO).variance == pytest.approx(0.0, abs=1e-9)
    assert spread(apart(0.3), torch.zeros(6, dtype=torch.int64)).cosine == 0.0


def test_numbers_of_speakers_may_have_gaps() -> None:
    assert spread(apart(0.3), WHO * 1000).cosine == spread(apart(0.3), WHO).cosine


def test_a_run_that_stays_alike_is_stopped_and_told_what_to_change() -> None:
    monitor = CollapseMonitor(cosine=0.9, steps=3)
    monitor.watch(apart(0.99), WHO)
    monitor.watch(apart(0.99), WHO)
    with pytest.raises(TrainingError, match=r"collapsed: for 3 steps .* above 0\.9") as raised:
        monitor.watch(apart(0.99), WHO)
    for advice in ("softmax", "learning_rate", "semi_hard"):
        assert advice in str(raised.value)


def test_a_beginning_that_is_alike_is_borne() -> None:
    monitor = CollapseMonitor(cosine=0.9, steps=3)
    for share in (0.99, 0.99, 0.2, 0.99, 0.99, 0.1):
        monitor.watch(apart(share), WHO)
