"""Detection error tradeoff: false rejects over false alarms an hour, one line a condition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sonant.plots import canvas
from sonant.plots.canvas import LIGHT, Theme

Line = Sequence[tuple[float, float]]
"""(false alarms an hour, share of false rejects) at rising thresholds."""

DASHES: Final = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (6, 2, 1, 2)))
"""Lines are told apart without colour, too."""


def det(
    lines: Mapping[str, Line],
    *,
    marks: Mapping[str, tuple[float, float]],
    least: float,
    theme: Theme = LIGHT,
) -> bytes:
    """Draw lines by name, and a dot on each at the point of its name in `marks`.

    False alarms are drawn logarithmically above `least` an hour and evenly below it, since there may
    be none. Raises `MissingExtra` without matplotlib.
    """
    figure = canvas.figure(7.2, 4.2, theme=theme)
    axes = figure.subplots()
    canvas.style(axes, theme)
    axes.set_xscale("symlog", linthresh=least, linscale=0.6)
    for number, (name, line) in enumerate(lines.items()):
        colour = _colour(number, len(lines), theme)
        axes.plot(
            *zip(*line, strict=True),
            color=colour,
            linewidth=1.8,
            linestyle=DASHES[number % len(DASHES)],
            label=name,
        )
        if name in marks:
            axes.plot(*marks[name], color=colour, marker="o", markersize=7, zorder=5)
    _finish(axes, lines, theme)
    return canvas.png(figure)


def _finish(axes: Any, lines: Mapping[str, Line], theme: Theme) -> None:
    ticker = canvas.library("matplotlib.ticker")
    axes.yaxis.set_major_formatter(ticker.PercentFormatter(1.0))
    axes.xaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:g}"))
    points = [point for line in lines.values() for point in line]
    axes.set_xlim(0, 1.1 * max((alarms for alarms, _ in points), default=1.0) or 1.0)
    axes.set_ylim(0, min(1.0, 1.05 * max((rejects for _, rejects in points), default=1.0)) or 1.0)
    axes.set(xlabel="false alarms an hour", ylabel="false rejects")
    axes.legend(frameon=False, fontsize=9, labelcolor=theme.ink)


def _colour(number: int, lines: int, theme: Theme) -> str:
    """From one colour of the theme to the other."""
    first, second = canvas.rgb(theme.accent), canvas.rgb(theme.second)
    share = number / max(1, lines - 1)
    mixed = (first + (second.astype(float) - first) * share).round().astype(int)
    return "#" + "".join(f"{part:02x}" for part in mixed.tolist())
