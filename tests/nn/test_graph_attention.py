"""Graphs whose nodes all see each other."""

from __future__ import annotations

import pytest
import torch

from sonant.nn.graph_attention import GraphAttention, GraphPool, TwoKinds

BATCH, NODES, SIZE = 3, 5, 4


def nodes(count: int = NODES) -> torch.Tensor:
    return torch.randn(BATCH, count, SIZE, generator=torch.Generator().manual_seed(0))


@torch.no_grad()
def test_the_order_of_nodes_is_the_order_of_answers_and_nothing_else() -> None:
    torch.manual_seed(0)
    layer = GraphAttention(SIZE, 6, temperature=2.0).eval()
    order = torch.tensor([3, 1, 4, 0, 2])
    torch.testing.assert_close(layer(nodes()[:, order]), layer(nodes())[:, order])


@torch.no_grad()
def test_attention_is_the_softmax_of_how_alike_two_nodes_are() -> None:
    torch.manual_seed(0)
    layer, x = GraphAttention(SIZE, 6, temperature=0.5).eval(), nodes()[:1]
    wanted = []
    for one in x[0]:
        scores = torch.stack(
            [(torch.tanh(layer.compare(one * other)) @ layer.weight)[0] for other in x[0]]
        )
        shares = (scores / 0.5).softmax(0)
        mixed = layer.mixed((shares[:, None] * x[0]).sum(0)) + layer.own(one)
        scale = (layer.norm.running_var + layer.norm.eps).sqrt()
        wanted.append(torch.selu((mixed - layer.norm.running_mean) / scale))
    torch.testing.assert_close(layer(x)[0], torch.stack(wanted))


@torch.no_grad()
def test_batch_mates_change_nothing_in_two_kinds_and_the_master_sees_both() -> None:
    torch.manual_seed(0)
    layer = TwoKinds(SIZE, 6, temperature=1.0).eval()
    first, second, master = nodes(), nodes(2), torch.randn(1, 1, SIZE)
    whole = layer(first, second, master)
    assert [part.shape for part in whole] == [(3, 5, 6), (3, 2, 6), (3, 1, 6)]
    for part, alone in zip(whole, layer(first[1:2], second[1:2], master), strict=True):
        torch.testing.assert_close(part[1:2], alone)
    for changed in ((first + 1, second), (first, second + 1)):
        assert not torch.allclose(layer(*changed, master)[2], whole[2])


@torch.no_grad()
def test_kinds_are_told_apart() -> None:
    torch.manual_seed(0)
    layer = TwoKinds(SIZE, 6, temperature=1.0).eval()
    one, other, master = nodes(2), nodes(2) * 0.5, torch.randn(1, 1, SIZE)
    straight, turned = layer(one, other, master), layer(other, one, master)
    assert not torch.allclose(straight[0], turned[1])


@torch.no_grad()
@pytest.mark.parametrize(("share", "kept"), [(0.5, 2), (0.7, 3), (1.0, 5), (0.01, 1)])
def test_a_pool_keeps_the_nodes_that_score_highest_times_their_score(
    share: float, kept: int
) -> None:
    torch.manual_seed(0)
    pool, x = GraphPool(SIZE, share=share).eval(), nodes()
    scores = torch.sigmoid(pool.score(x))[..., 0]
    found = pool(x)
    assert found.shape == (BATCH, kept, SIZE)
    for row in range(BATCH):
        best = scores[row].argsort(descending=True)[:kept]
        torch.testing.assert_close(found[row], x[row, best] * scores[row, best, None])
