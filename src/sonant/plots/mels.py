"""The picture of a conversion: mel spectrograms one below the other, on one scale of time and colour."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sonant.plots import canvas
from sonant.plots.canvas import DARK, Theme

RANGE_NEPERS: Final = 8.0
"""Of colours, under the loudest point: about 70 dB."""


def mels(
    pictures: Mapping[str, NDArray[np.float32]], *, hop_s: float, theme: Theme = DARK
) -> bytes:
    """Draw log magnitudes [mels, frames], each under its title; `hop_s` is the time of a frame.

    Raises `MissingExtra` without matplotlib.
    """
    figure = canvas.figure(5.6, 1.25 * len(pictures) + 0.25, theme=theme)
    panels = figure.subplots(len(pictures), 1, squeeze=False, sharex=True)[:, 0]
    longest = max(mel.shape[1] for mel in pictures.values())
    for axes, (title, mel) in zip(panels, pictures.items(), strict=True):
        canvas.style(axes, theme, fontsize=7)
        axes.grid(visible=False)
        loudest = float(mel.max())
        axes.imshow(
            mel,
            origin="lower",
            aspect="auto",
            cmap="magma",
            interpolation="nearest",
            vmin=loudest - RANGE_NEPERS,
            vmax=loudest,
            extent=(0.0, mel.shape[1] * hop_s, 0.0, float(len(mel))),
        )
        axes.set(xlim=(0.0, longest * hop_s), yticks=())
        shown = title if canvas.can_draw(title) else ""
        axes.set_title(shown, color=theme.ink, fontsize=8, loc="left", pad=3, parse_math=False)
    panels[-1].set_xlabel("seconds", labelpad=1)
    return canvas.png(figure)
