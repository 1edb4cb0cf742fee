"""The picture of one clip: its wave above its spectrogram."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sonant.plots import canvas
from sonant.plots.canvas import LIGHT, Theme

FLOOR_DB: Final = -70.0
"""Of a spectrogram, under its loudest point; what is below is drawn as silence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _ClipFrame:
    """Axes and words around a clip, and the pixels (rows, columns) it is painted in."""

    picture: NDArray[np.uint8]
    """[rows, columns, 3]."""
    wave: tuple[slice, slice]
    spectrogram: tuple[slice, slice]


def waveform_and_spectrogram(
    samples: NDArray[np.float32], rate_hz: int, *, title: str = "", theme: Theme = LIGHT
) -> bytes:
    """Draw a clip, [samples] in [-1, 1], as a wave above its spectrogram.

    Colours run from the loudest point to `FLOOR_DB` under it. Raises `MissingExtra` without
    matplotlib.
    """
    duration_s = max(len(samples), 1) / rate_hz
    frame = _clip_frame(duration_s, rate_hz, title if canvas.can_draw(title) else "", theme)
    picture = frame.picture.copy()
    _paint_wave(picture[frame.wave], samples, canvas.rgb(theme.accent))
    _paint_spectrogram(picture[frame.spectrogram], _spectrogram_db(samples, rate_hz))
    return canvas.encode(picture)


@lru_cache(maxsize=8)
def _clip_frame(duration_s: float, rate_hz: int, title: str, theme: Theme) -> _ClipFrame:
    """All of a clip's picture but the clip. It takes longest, and clips of one length share it."""
    figure = canvas.figure(3.4, 2.3, theme=theme, packed=False)
    top = 0.9 if title else 0.96
    wave = figure.add_axes((0.12, 0.72, 0.84, top - 0.72))
    spectrogram = figure.add_axes((0.12, 0.15, 0.84, 0.53))
    for axes in (wave, spectrogram):
        canvas.style(axes, theme, fontsize=7)
        axes.grid(visible=False)
        axes.set_xlim(0.0, duration_s)
    wave.set(ylim=(-1.0, 1.0), yticks=(-0.5, 0.5), xticks=())
    wave.set_title(title, color=theme.ink, fontsize=8, loc="left", pad=3, parse_math=False)
    spectrogram.set_ylim(0.0, rate_hz / 2000)
    spectrogram.set_ylabel("kHz", labelpad=1)
    spectrogram.set_xlabel("seconds", labelpad=1)
    picture = canvas.pixels(figure)
    return _ClipFrame(
        picture=picture,
        wave=_inside(wave, rows=len(picture)),
        spectrogram=_inside(spectrogram, rows=len(picture)),
    )


def _inside(axes: Any, *, rows: int) -> tuple[slice, slice]:
    """Rows and columns of pixels within axes; pictures count rows from the top."""
    box = axes.get_window_extent()
    columns = slice(math.ceil(box.x0) + 1, math.floor(box.x1))
    return slice(rows - math.floor(box.y1), rows - math.ceil(box.y0) - 1), columns


def _paint_wave(
    area: NDArray[np.uint8], samples: NDArray[np.float32], colour: NDArray[np.uint8]
) -> None:
    """Fill each column from the lowest to the highest sample of its slice of time."""
    if len(samples) == 0:
        return
    height, width, _ = area.shape
    starts = np.arange(width) * len(samples) // width
    low = np.minimum.reduceat(samples, starts).clip(-1, 1)
    high = np.maximum.reduceat(samples, starts).clip(-1, 1)
    first = np.floor((1 - high) / 2 * (height - 1))
    last = np.ceil((1 - low) / 2 * (height - 1))
    rows = np.arange(height)[:, None]
    area[(rows >= first) & (rows <= last)] = colour


def _paint_spectrogram(area: NDArray[np.uint8], levels_db: NDArray[np.float64]) -> None:
    """Fit a spectrogram [bins, frames] into pixels, low bins below."""
    pillow, colormaps = canvas.library("PIL.Image"), canvas.library("matplotlib").colormaps
    height, width, _ = area.shape
    image = pillow.fromarray(levels_db[::-1].astype(np.float32))
    fitted = np.asarray(image.resize((width, height), pillow.Resampling.BILINEAR))
    area[:] = colormaps["magma"](1 - fitted / FLOOR_DB, bytes=True)[..., :3]


def _spectrogram_db(samples: NDArray[np.float32], rate_hz: int) -> NDArray[np.float64]:
    """[bins, frames] in dB under the loudest point: 32 ms Hann windows, some 300 frames a clip."""
    window = max(16, rate_hz * 32 // 1000)
    padded = np.pad(samples, (window // 2, window - window // 2))
    hop = max(1, len(samples) // 300)
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop] * np.hanning(window)
    power = np.abs(np.fft.rfft(frames, axis=1)).T ** 2
    loudest = power.max(initial=0.0)
    if loudest == 0.0:
        return np.full(power.shape, FLOOR_DB)
    levels: NDArray[np.float64] = 10 * np.log10(np.maximum(power / loudest, 10 ** (FLOOR_DB / 10)))
    return levels
