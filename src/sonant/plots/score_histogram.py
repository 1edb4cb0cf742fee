"""Where scores of the same speaker lie, and those of different ones."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from sonant.plots import canvas
from sonant.plots.canvas import LIGHT, Theme

BINS: Final = 50


def score_histogram(
    scores: ArrayLike,
    same: ArrayLike,
    *,
    label: str,
    threshold: float | None = None,
    theme: Theme = LIGHT,
) -> bytes:
    """Draw the shares of scores [trials] of both kinds over their value, as a PNG.

    `label` names the axis of scores; `threshold` is marked where there is one. Infinite scores are left
    out. Raises `MissingExtra` without matplotlib.
    """
    values, truth = np.asarray(scores, np.float64), np.asarray(same, np.bool_)
    finite = np.isfinite(values)
    values, truth = values[finite], truth[finite]
    edges = np.histogram_bin_edges(values, BINS)
    figure = canvas.figure(7.2, 3.6, theme=theme)
    axes = figure.subplots()
    canvas.style(axes, theme)
    kinds = (
        ("different speakers", ~truth, theme.second),
        ("the same speaker", truth, theme.accent),
    )
    for name, chosen, colour in kinds:
        counts = np.histogram(values[chosen], edges)[0] / max(1, int(chosen.sum()))
        axes.stairs(100 * counts, edges, fill=True, color=colour, alpha=0.35)
        axes.stairs(100 * counts, edges, color=colour, linewidth=1.6, label=name)
    if threshold is not None:
        axes.axvline(threshold, color=theme.ink, linewidth=1.2, linestyle=(0, (4, 3)))
    axes.set(xlabel=label, ylabel="of their trials, %")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False, fontsize=9, labelcolor=theme.ink)
    return canvas.png(figure)
