"""The DET plot of verification: misses over false alarms, both on the scale of normal deviates."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import NormalDist
from typing import Any, Final

import numpy as np

from sonant.plots import canvas
from sonant.plots.canvas import LIGHT, Theme
from sonant.plots.det import DASHES
from sonant.verification.checks import Floats
from sonant.verification.rates import Curve

TICKS: Final = (0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9)
"""Rates that the axes name."""
LIMITS: Final = (0.0005, 0.6)
"""Rates between which a curve is drawn, unless the worst needs more."""
WORST: Final = 0.95


def error_tradeoff(
    curves: Mapping[str, Curve], *, marks: Mapping[str, float], theme: Theme = LIGHT
) -> bytes:
    """Draw curves by name, and a dot on the diagonal at the EER of each name in `marks`, as a PNG.

    On this scale the curve of Gaussian scores is straight. Rates of 0 and 1 lie outside of it. Raises
    `MissingExtra` without matplotlib. Source: Martin et al., "The DET curve in assessment of detection task
    performance", Eurospeech 1997.
    """
    figure = canvas.figure(5.6, 5.2, theme=theme)
    axes = figure.subplots()
    canvas.style(axes, theme)
    colours = (theme.accent, theme.second, theme.ink, theme.soft)
    for number, (name, curve) in enumerate(curves.items()):
        colour = colours[number % len(colours)]
        dash = DASHES[(number + number // len(colours)) % len(DASHES)]
        alarms, misses = deviates(curve.alarms), deviates(curve.misses)
        axes.plot(alarms, misses, color=colour, linewidth=1.8, linestyle=dash, label=name)
        if name in marks:
            place = deviates(np.array([marks[name]]))
            axes.plot(place, place, color=colour, marker="o", markersize=6, zorder=5)
    _finish(axes, _top(marks), theme)
    return canvas.png(figure)


def deviates(rates: Floats) -> Floats:
    """Where rates stand on the axes: the standard normal quantile, rates of 0 and 1 just outside."""
    # Thresholds that change one rate alone repeat the other many times.
    found, place = np.unique(
        np.clip(rates, LIMITS[0] / 10, 1 - LIMITS[0] / 10), return_inverse=True
    )
    normal = NormalDist()
    return np.array([normal.inv_cdf(float(rate)) for rate in found])[place]


def _top(marks: Mapping[str, float]) -> float:
    """The highest rate on the axes: enough to see every EER."""
    return WORST if max(marks.values(), default=0.0) > LIMITS[1] / 1.5 else LIMITS[1]


def _finish(axes: Any, top: float, theme: Theme) -> None:
    ticks = [tick for tick in TICKS if tick <= top]
    places = deviates(np.array(ticks)).tolist()
    names = [f"{100 * tick:g}" for tick in ticks]
    low, high = deviates(np.array([LIMITS[0], top])).tolist()
    axes.plot([low, high], [low, high], color=theme.line, linewidth=1.0, zorder=1)
    axes.set(xlim=(low, high), ylim=(low, high), xlabel="false alarms, %", ylabel="misses, %")
    axes.set_xticks(places, names)
    axes.set_yticks(places, names)
    axes.set_aspect("equal")
    if axes.get_legend_handles_labels()[1]:
        axes.legend(frameon=False, fontsize=9, labelcolor=theme.ink)
