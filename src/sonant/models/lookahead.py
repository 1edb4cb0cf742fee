"""How the frames that a network may look ahead are shared out among its convolutions."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise

from sonant.errors import RecipeError


def shares(lookahead: int, *, reaches: Sequence[int]) -> list[int]:
    """Frames of look-ahead for each layer, in proportion to its reach; their sum is `lookahead`.

    A reach is half of a kernel's span: with all reaches granted, every kernel lies around its frame,
    as it does with "same" padding. Raises `RecipeError` for more frames than that.
    """
    most = sum(reaches)
    if not 0 <= lookahead <= most:
        raise RecipeError(
            f"lookahead: {lookahead} frames do not fit; want 0 to {most}, where every kernel lies "
            f"around its frame"
        )
    # Whole parts of running sums: no layer gets more than its reach, and none is lost to rounding.
    marks = [lookahead * reach // max(1, most) for reach in accumulate(reaches, initial=0)]
    return [after - before for before, after in pairwise(marks)]
