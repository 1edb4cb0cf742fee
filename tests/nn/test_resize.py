"""Linear interpolation as a matrix, against torch's own."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from sonant.nn.resize import interpolation


@pytest.mark.parametrize(("have", "want"), [(124, 32), (32, 124), (7, 7), (5, 1), (1, 4), (2, 9)])
def test_the_matrix_is_torch_s_interpolation(have: int, want: int) -> None:
    line = torch.randn(1, 1, have, generator=torch.Generator().manual_seed(0))
    wanted = F.interpolate(line, size=want, mode="linear", align_corners=False)
    weights = interpolation(have, want)
    np.testing.assert_allclose(weights @ line[0, 0].numpy(), wanted[0, 0], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, rtol=1e-6)
