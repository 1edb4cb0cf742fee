"""What a spoof detector minimises, and the heads that it is minimised on."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from sonant.errors import RecipeError
from sonant.nn.spoof_heads import CENTRE, SCALE, CosineHead, head_for
from sonant.nn.spoof_losses import spoof_loss_for, weights_of
from sonant.nn.spoof_losses_config import CrossEntropyConfig, OneClassConfig

LOGITS = torch.tensor([[2.0, -1.0], [0.5, 0.5], [-3.0, 4.0]])
TARGETS = torch.tensor([0, 1, 1])


def test_cross_entropy_is_weighed_by_label_and_weights_are_1_on_average() -> None:
    weights = weights_of(CrossEntropyConfig(weights=(0.9, 0.1)), (10, 90))
    assert weights[0] / weights[1] == pytest.approx(9.0)
    assert (10 * weights[0] + 90 * weights[1]) / 100 == pytest.approx(1.0)
    loss = spoof_loss_for(CrossEntropyConfig(weights=(0.9, 0.1)), counts=(10, 90))
    plain = F.cross_entropy(LOGITS, TARGETS, reduction="none")
    torch.testing.assert_close(loss(LOGITS, TARGETS), plain * torch.tensor(weights)[TARGETS])


def test_by_counts_both_labels_weigh_the_same_in_an_epoch() -> None:
    bonafide, spoof = weights_of(CrossEntropyConfig(weigh="counts"), (10, 90))
    assert 10 * bonafide == pytest.approx(90 * spoof)


def test_one_class_softmax_is_its_formula_on_the_cosine_of_the_head() -> None:
    torch.manual_seed(0)
    head, values = CosineHead(4), torch.randn(3, 4)
    loss = spoof_loss_for(OneClassConfig(scale=7.0, margins=(0.8, 0.1)), counts=(1, 2))
    found = loss(head(values), TARGETS)
    direction = head.direction[0].detach() / head.direction[0].detach().norm()
    for row, target in enumerate(TARGETS.tolist()):
        cosine = float(values[row] @ direction / values[row].norm())
        short = 0.8 - cosine if target == 0 else cosine - 0.1
        assert found[row].item() == pytest.approx(math.log1p(math.exp(7.0 * short)), rel=1e-4)


def test_the_logits_of_a_cosine_speak_for_neither_at_its_centre() -> None:
    head = CosineHead(2)
    with torch.no_grad():
        head.direction.copy_(torch.tensor([[1.0, 0.0]]))
        across = math.sqrt(1 - CENTRE**2)
        logits = head(torch.tensor([[CENTRE, across], [3.0, 0.0], [0.0, 1.0]]))
    gaps = (logits[:, 0] - logits[:, 1]).tolist()
    assert gaps == pytest.approx([0.0, SCALE * (1 - CENTRE), -SCALE * CENTRE], abs=1e-4)


@pytest.mark.parametrize("config", [CrossEntropyConfig(), OneClassConfig()])
def test_a_few_steps_part_the_two_kinds(config: CrossEntropyConfig | OneClassConfig) -> None:
    torch.manual_seed(0)
    head = head_for("cosine" if isinstance(config, OneClassConfig) else "linear", 4)
    loss, free = spoof_loss_for(config, counts=(1, 2)), torch.nn.Parameter(torch.randn(3, 4))
    optimizer = torch.optim.Adam([free, *head.parameters()], lr=0.1)
    for _ in range(60):
        value = loss(head(free), TARGETS).mean()
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
    assert torch.equal(head(free).argmax(1), TARGETS)


@pytest.mark.parametrize(
    "build",
    [
        lambda: CrossEntropyConfig(weights=(0.9, 0.0)),
        lambda: OneClassConfig(scale=0.0),
        lambda: OneClassConfig(margins=(0.2, 0.9)),
    ],
)
def test_settings_that_make_no_loss_are_refused(build: object) -> None:
    with pytest.raises(RecipeError):
        build()  # type: ignore[operator]
