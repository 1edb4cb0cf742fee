"""Mean and deviation in one pass, against numpy over all rows at once."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sonant.nn.moments import Moments


def taken_in(rows: torch.Tensor, *cuts: int) -> Moments:
    moments = Moments()
    for batch in rows.tensor_split(cuts):
        moments.add(batch)
    return moments


@pytest.mark.parametrize("cuts", [(), (1,), (0, 3, 3, 40)])
@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_batches_of_any_size_give_the_moments_of_all_rows(
    cuts: tuple[int, ...], offset: float
) -> None:
    rows = torch.randn(50, 3, generator=torch.Generator().manual_seed(0)) + offset
    moments = taken_in(rows, *cuts)
    wanted = rows.double().numpy()
    assert moments.count == 50
    np.testing.assert_allclose(moments.mean, wanted.mean(0), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(moments.std, wanted.std(0), rtol=1e-9)
    pooled = moments.pooled()
    np.testing.assert_allclose(pooled.mean, [wanted.mean()], rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(pooled.std, [wanted.std()], rtol=1e-9)


def test_a_large_offset_costs_no_digits() -> None:
    """Sums of squares would lose all of them: 1e9 squared leaves no room for a deviation of 1."""
    rows = torch.tensor([[1e9 - 1], [1e9 + 1]], dtype=torch.float64).repeat(500, 1)
    assert taken_in(rows, 3, 500).std.item() == pytest.approx(1.0, rel=1e-9)
