"""Pictures of a run, as the bytes of a PNG file.

They share no state with other users of matplotlib; the same arguments give the same bytes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sonant.metrics import Reliability
from sonant.plots import canvas
from sonant.plots.canvas import DARK as DARK
from sonant.plots.canvas import LIGHT as LIGHT
from sonant.plots.canvas import Theme as Theme
from sonant.plots.clip import waveform_and_spectrogram as waveform_and_spectrogram

MOST_NUMBERED: Final = 50
"""Labels up to which the cells of a confusion matrix have room for numbers."""


def curves(
    history: Sequence[Mapping[str, float]],
    *,
    best_epoch: int | None = None,
    theme: Theme = LIGHT,
) -> bytes:
    """Draw loss, accuracy and learning rate over the epochs; rows are those of `metrics.jsonl`.

    Equal error rates stand in place of the accuracy where there are any, and nothing where there is
    neither. Validation may be missing.
    `best_epoch` is marked; None takes the highest accuracy, validation before training, and the lower
    loss among equals. Raises `MissingExtra` without matplotlib.
    """
    figure = canvas.figure(11.16, 3.3, theme=theme)
    best = _best_epoch(history) if best_epoch is None else best_epoch
    rate = _rate(history)
    names = ("loss", rate, "learning_rate") if rate else ("loss", "learning_rate")
    panels = figure.subplots(1, len(names), width_ratios=(*(1 for _ in names[1:]), 0.8))
    for axes, name in zip(panels, names, strict=True):
        canvas.style(axes, theme)
        axes.set_title(name.replace("_", " "), color=theme.ink, fontsize=10, loc="left")
        axes.set_xlabel("epoch")
        _whole_ticks(axes)
        series = ((f"train_{name}", theme.accent), (f"validation_{name}", theme.second))
        for key, colour in ((name, theme.accent),) if name == "learning_rate" else series:
            _line(axes, history, key, colour=colour)
        if best is not None:
            axes.axvline(best, color=theme.soft, linewidth=1, linestyle=(0, (2, 2)), zorder=1)
    # Loss is of training alone then, and the rate of validation alone.
    for axes in panels[:2] if rate == "eer" else panels[:1]:
        _legend(axes, theme)
    if rate:
        _in_per_cent(panels[1])
    if best is not None:
        panels[1 if rate else 0].set_title(
            f"best: epoch {best}", color=theme.soft, fontsize=9, loc="right"
        )
    return canvas.png(figure)


def confusion(counts: ArrayLike, labels: Sequence[str], *, theme: Theme = LIGHT) -> bytes:
    """Draw counts [labels, labels]: a row is what was said, a column what was heard.

    The colour is the share of its row; the count stands in a cell where it fits.
    Raises `MissingExtra` without matplotlib.
    """
    table = np.asarray(counts, dtype=np.int64)
    size = len(labels)
    cell = min(0.62, max(0.12, 9.5 / size))
    names = canvas.drawable(labels)
    margin = 0.6 + 0.085 * max(len(name) for name in names)
    figure = canvas.figure(cell * size + margin + 0.5, cell * size + margin + 0.2, theme=theme)
    axes = figure.subplots()
    canvas.style(axes, theme)
    axes.grid(visible=False)
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    axes.imshow(_cell_colours(shares, theme), interpolation="nearest", aspect="equal")
    _label_axes(axes, names, cell=cell, theme=theme)
    _write_counts(axes, table, shares, cell=cell, theme=theme)
    return canvas.png(figure)


def reliability(curve: Reliability, *, theme: Theme = LIGHT) -> bytes:
    """Draw how often answers of like probability are right, and how many there are of each.

    Raises `MissingExtra` without matplotlib.
    """
    figure = canvas.figure(5.4, 4.0, theme=theme)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    width = float(curve.edges[1] - curve.edges[0])
    middles = curve.edges[:-1] + width / 2
    used = curve.clips > 0
    for axes in (above, below):
        canvas.style(axes, theme)
    above.plot((0, 1), (0, 1), color=theme.soft, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
    above.bar(middles[used], curve.accuracy[used], width * 0.9, color=theme.accent, alpha=0.45)
    above.plot(
        *(curve.confidence[used], curve.accuracy[used]),
        color=theme.accent,
        marker="o",
        markersize=4,
        linewidth=1.2,
    )
    above.set(xlim=(0, 1), ylim=(0, 1.02), ylabel="share right")
    below.bar(middles, curve.clips, width * 0.9, color=theme.soft, alpha=0.6)
    below.set(xlabel="probability of the answer", ylabel="clips")
    return canvas.png(figure)


def _rate(history: Sequence[Mapping[str, float]]) -> str:
    """What there is of epochs besides a loss; empty for nothing."""
    if any("validation_eer" in row for row in history):
        return "eer"
    told = not history or any(name.endswith("_accuracy") for row in history for name in row)
    return "accuracy" if told else ""


def _best_epoch(history: Sequence[Mapping[str, float]]) -> int | None:
    """The epoch of highest accuracy, then of lowest loss; validation before training."""
    side = "validation" if any("validation_accuracy" in row for row in history) else "train"
    scored = [row for row in history if math.isfinite(row.get(f"{side}_accuracy", math.nan))]
    if not scored:
        return None
    best = max(
        scored, key=lambda row: (row[f"{side}_accuracy"], -row.get(f"{side}_loss", math.inf))
    )
    return int(best["epoch"])


def _line(axes: Any, history: Sequence[Mapping[str, float]], key: str, *, colour: str) -> None:
    """One series over the epochs; an epoch without the figure is a gap, a lone one a dot."""
    points = [(row["epoch"], row[key]) for row in history if key in row]
    if points:
        axes.plot(
            *zip(*points, strict=True),
            color=colour,
            linewidth=1.8,
            marker="o" if len(points) < 16 else None,
            markersize=3.5,
            label=key.split("_")[0],
        )


def _legend(axes: Any, theme: Theme) -> None:
    handles, names = axes.get_legend_handles_labels()
    if handles:
        axes.legend(handles, names, frameon=False, fontsize=9, labelcolor=theme.ink)


def _in_per_cent(axes: Any) -> None:
    axes.yaxis.set_major_formatter(canvas.library("matplotlib.ticker").PercentFormatter(1.0))


def _whole_ticks(axes: Any) -> None:
    axes.xaxis.set_major_locator(
        canvas.library("matplotlib.ticker").MaxNLocator(integer=True, nbins=8, min_n_ticks=1)
    )


def _cell_colours(shares: NDArray[np.float64], theme: Theme) -> NDArray[np.float64]:
    """[labels, labels, 3]: from the ground to one colour for right answers, another for wrong ones.

    The square root lifts small shares: two confusions in a hundred must be seen.
    """
    ground, right, wrong = (
        canvas.rgb(name) / 255 for name in (theme.ground, theme.accent, theme.second)
    )
    goal = np.where(np.eye(len(shares), dtype=bool)[..., None], right, wrong)
    strength = np.sqrt(shares)[..., None]
    colours: NDArray[np.float64] = ground + (goal - ground) * strength
    return colours


def _label_axes(axes: Any, names: Sequence[str], *, cell: float, theme: Theme) -> None:
    """Labels on both sides, turned below when they would touch."""
    every = range(len(names))
    fontsize = min(10.0, max(6.0, cell * 30))
    turned = max(len(name) for name in names) * fontsize * 0.62 > cell * 72 * 0.95
    axes.set_xticks(every, names, rotation=90 if turned else 0, parse_math=False, color=theme.ink)
    axes.set_yticks(every, names, parse_math=False, color=theme.ink)
    axes.tick_params(labelsize=fontsize)
    for text in (*axes.get_xticklabels(), *axes.get_yticklabels()):
        text.set_fontfamily(list(canvas.fonts()))
    axes.set(xlabel="heard", ylabel="said")
    edges = np.arange(len(names) + 1) - 0.5
    axes.set_xticks(edges, minor=True)
    axes.set_yticks(edges, minor=True)
    axes.tick_params(which="minor", length=0)
    axes.grid(visible=True, which="minor", color=theme.line, linewidth=0.6)


def _write_counts(
    axes: Any,
    table: NDArray[np.int64],
    shares: NDArray[np.float64],
    *,
    cell: float,
    theme: Theme,
) -> None:
    """The count in every cell but the zeros, as large as the longest allows; none if too small."""
    digits = len(str(int(table.max(initial=0))))
    fontsize = min(10.0, cell * 72 * 0.82 / (0.64 * digits))
    if fontsize < 5 or len(table) > MOST_NUMBERED:
        return
    for row, column in zip(*np.nonzero(table), strict=True):
        strong = shares[row, column] > 0.35
        axes.text(
            *(column, row, str(table[row, column])),
            ha="center",
            va="center",
            fontsize=fontsize,
            color=theme.ground if strong else theme.ink,
        )
