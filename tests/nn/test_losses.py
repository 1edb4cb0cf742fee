"""Losses of speaker models: what they punish, whom they compare, and that they can be minimised."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from sonant.errors import RecipeError
from sonant.nn.losses import AamLoss, SoftmaxLoss, TripletLoss, loss_for, mine
from sonant.nn.losses_config import AamConfig, LossConfig, SoftmaxConfig, TripletConfig

SIZE, SPEAKERS = 6, 4
WHO = torch.tensor([0, 0, 1, 1, 2, 2, 3, 3])
EVERY = pytest.mark.parametrize(
    "config", [SoftmaxConfig(), AamConfig(), TripletConfig(), TripletConfig(mining="semi_hard")]
)


def embeddings(seed: int = 0, *, count: int = len(WHO)) -> Tensor:
    torch.manual_seed(seed)
    return F.normalize(torch.randn(count, SIZE), dim=1)


def directions(loss: AamLoss) -> Tensor:
    return F.normalize(loss.directions.detach(), dim=1)


@EVERY
def test_a_few_steps_of_any_loss_draw_speakers_apart(config: LossConfig) -> None:
    torch.manual_seed(0)
    loss = loss_for(config, size=SIZE, speakers=SPEAKERS)
    free = torch.nn.Parameter(torch.randn(len(WHO), SIZE))
    optimizer = torch.optim.SGD([free, *loss.parameters()], lr=1.0)
    first = None
    for _ in range(100):
        each = loss(F.normalize(free, dim=1), WHO, epoch=0)
        value = each.value.mean()
        first = value.item() if first is None else first
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
    assert value.item() < 0.2 * first
    # Mining that looks away from those who are more alike than the own leaves them where they are.
    look_away = isinstance(config, TripletConfig) and config.mining == "semi_hard"
    assert each.right.float().mean() >= (0.5 if look_away else 1.0)


@EVERY
def test_there_is_one_loss_a_crop_and_it_is_a_number(config: LossConfig) -> None:
    loss = loss_for(config, size=SIZE, speakers=SPEAKERS)
    for given_ in (embeddings(), F.one_hot(WHO, SIZE).float(), embeddings()[:1].repeat(8, 1)):
        leaf = given_.clone().requires_grad_()
        each = loss(leaf, WHO, epoch=0)
        assert each.value.shape == each.right.shape == WHO.shape
        each.value.sum().backward()
        assert leaf.grad is not None
        assert leaf.grad.isfinite().all()


def test_softmax_is_cross_entropy_of_a_layer_on_embeddings_of_a_given_length() -> None:
    loss = SoftmaxLoss(SoftmaxConfig(scale=7.0), size=SIZE, speakers=SPEAKERS)
    each = loss(embeddings(), WHO, epoch=0)
    logits = loss.dense(7.0 * embeddings())
    torch.testing.assert_close(each.value, F.cross_entropy(logits, WHO, reduction="none"))
    assert torch.equal(each.right, logits.argmax(1) == WHO)


def test_the_angle_to_the_own_speaker_is_widened_by_the_margin() -> None:
    config = AamConfig(scale=10.0, margin=0.3)
    loss = AamLoss(config, size=SIZE, speakers=SPEAKERS)
    cosines = (embeddings() @ directions(loss).T).double().numpy()
    wanted = []
    for row, own in zip(cosines, WHO.tolist(), strict=True):
        logits = row.copy()
        logits[own] = math.cos(math.acos(row[own]) + 0.3)
        logits *= 10.0
        wanted.append(np.log(np.exp(logits).sum()) - logits[own])
    found = loss(embeddings(), WHO, epoch=0).value.detach().numpy()
    np.testing.assert_allclose(found, wanted, rtol=1e-4)


@settings(max_examples=30, deadline=None)
@given(st.floats(0.0, 1.5), st.floats(0.01, math.pi - 0.01), st.floats(0.001, 0.1))
def test_a_wider_angle_always_costs_more_whatever_the_margin(
    margin: float, angle: float, wider: float
) -> None:
    loss = AamLoss(AamConfig(margin=margin), size=2, speakers=2)
    with torch.no_grad():
        loss.directions.copy_(torch.tensor([[1.0, 0.0], [0.0, -1.0]]))
    angles = torch.tensor([angle, min(math.pi, angle + wider)])
    near, far = loss(
        torch.stack([angles.cos(), angles.sin()], 1), torch.tensor([0, 0]), epoch=0
    ).value.tolist()
    # The other speaker lies on the far side, so that both get worse together.
    assert far >= near - 1e-4


def test_the_margin_rises_over_its_epochs_and_then_stays() -> None:
    config = AamConfig(margin=0.2, rise=(2, 6))
    found = [config.margin_at(epoch) for epoch in range(9)]
    assert found == pytest.approx([0, 0, 0, 0.05, 0.1, 0.15, 0.2, 0.2, 0.2])
    assert AamConfig(margin=0.5).margin_at(0) == 0.5
    loss = AamLoss(config, size=SIZE, speakers=SPEAKERS)
    early, late = (loss(embeddings(), WHO, epoch=epoch).value for epoch in (0, 6))
    assert (late > early).all()


def test_who_is_named_rightly_does_not_depend_on_the_margin() -> None:
    torch.manual_seed(1)
    gentle, hard = (AamLoss(AamConfig(margin=m), size=SIZE, speakers=SPEAKERS) for m in (0.0, 1.5))
    hard.load_state_dict(gentle.state_dict())
    found = embeddings(count=64)
    who = torch.arange(64) % SPEAKERS
    named = gentle(found, who, epoch=0).right
    assert 0 < named.sum() < 64
    assert torch.equal(named, hard(found, who, epoch=0).right)


@pytest.mark.parametrize("config", [SoftmaxConfig(), AamConfig(margin=0.5)])
def test_a_loss_that_begins_at_the_centroids_knows_the_speakers_at_once(
    config: LossConfig,
) -> None:
    centroids = F.normalize(torch.eye(SPEAKERS, SIZE) + 0.1, dim=1)
    loss = loss_for(config, size=SIZE, speakers=SPEAKERS)
    loss.begin_at(centroids)
    assert loss(centroids[WHO], WHO, epoch=0).right.all()


def brute_triplets(cosines: np.ndarray, who: list[int], *, semi: bool) -> list[tuple[int, int]]:
    found = []
    for row, own in enumerate(who):
        mates = [n for n, w in enumerate(who) if w == own and n != row]
        others = [n for n, w in enumerate(who) if w != own]
        positive = min(mates, key=lambda n: cosines[row, n])
        softer = [n for n in others if cosines[row, n] < cosines[row, positive]]
        if not semi:
            negative = max(others, key=lambda n: cosines[row, n])
        elif softer:
            negative = max(softer, key=lambda n: cosines[row, n])
        else:
            negative = min(others, key=lambda n: cosines[row, n])
        found.append((positive, negative))
    return found


@pytest.mark.parametrize("mining", ["hardest", "semi_hard"])
@pytest.mark.parametrize("seed", range(5))
def test_the_mined_triplets_are_those_that_a_search_by_hand_finds(seed: int, mining: str) -> None:
    cosines = embeddings(seed) @ embeddings(seed).T
    found = mine(cosines, WHO, mining=mining)  # type: ignore[arg-type]
    wanted = brute_triplets(cosines.numpy(), WHO.tolist(), semi=mining == "semi_hard")
    assert list(zip(found.own.tolist(), found.other.tolist(), strict=True)) == wanted
    assert found.there.all()


def test_mining_decides_what_is_minimised() -> None:
    """The loss is that of the hardest, no less than of any other choice, and only they are moved."""
    given_ = embeddings(3).requires_grad_()
    value = TripletLoss(TripletConfig())(given_, WHO, epoch=0).value
    cosines = (given_ @ given_.T).detach()
    hardest = brute_triplets(cosines.numpy(), WHO.tolist(), semi=False)
    wanted = [
        max(0.0, cosines[row, n].item() - cosines[row, p].item() + 0.1)
        for row, (p, n) in enumerate(hardest)
    ]
    assert value.tolist() == pytest.approx(wanted, abs=1e-6)
    for row in range(len(WHO)):
        for other in np.flatnonzero(WHO.numpy() != WHO[row].item()):
            assert cosines[row, hardest[row][1]] >= cosines[row, other]
    value[0].backward()
    moved = set(torch.nonzero(given_.grad.abs().sum(1)).flatten().tolist())  # type: ignore[union-attr]
    assert moved == {0, *hardest[0]}


@pytest.mark.parametrize("mining", ["hardest", "semi_hard"])
def test_right_is_who_is_nearer_to_all_their_own_than_to_anybody_whatever_is_mined(
    mining: str,
) -> None:
    given_ = embeddings(3)
    found = TripletLoss(TripletConfig(mining=mining))(given_, WHO, epoch=0)  # type: ignore[arg-type]
    cosines = (given_ @ given_.T).numpy()
    hardest = brute_triplets(cosines, WHO.tolist(), semi=False)
    wanted = [bool(cosines[n, own] > cosines[n, other]) for n, (own, other) in enumerate(hardest)]
    assert found.right.tolist() == wanted
    assert not all(wanted)


def test_an_embedding_without_mate_or_without_others_costs_nothing() -> None:
    loss = TripletLoss(TripletConfig())
    alone = loss(embeddings()[:3], torch.tensor([0, 1, 1]), epoch=0)
    assert alone.value[0] == 0
    assert not alone.right[0]
    among_own = loss(embeddings()[:3], torch.tensor([0, 0, 0]), epoch=0)
    assert torch.equal(among_own.value, torch.zeros(3))


@pytest.mark.parametrize(
    "make",
    [
        lambda: SoftmaxConfig(scale=0.0),
        lambda: AamConfig(margin=-0.1),
        lambda: AamConfig(margin=2.0),
        lambda: AamConfig(rise=(5, 2)),
        lambda: TripletConfig(margin=0.0),
    ],
)
def test_settings_that_make_no_sense_are_refused(make: object) -> None:
    with pytest.raises(RecipeError):
        make()  # type: ignore[operator]
