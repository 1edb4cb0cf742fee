"""What pictures are drawn with: colours, an empty figure, its bytes, letters that can be drawn.

Figures are made by themselves, without the global state of pyplot.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sonant.errors import MissingExtra

DPI: Final = 96
LONGEST_LABEL: Final = 18
"""Characters of a label in a picture."""
FONTS: Final = (
    "DejaVu Sans",
    *("Noto Sans", "Noto Sans CJK JP", "Noto Sans CJK SC", "Noto Sans Devanagari"),
    *("Arial Unicode MS", "Microsoft YaHei", "Hiragino Sans", "PingFang SC", "Nirmala UI"),
)
"""Where letters are looked for: the first comes with matplotlib, the others may be installed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Theme:
    """Colours of a picture, those of the page around it."""

    ground: str
    ink: str
    soft: str
    line: str
    accent: str
    """Training, and right answers."""
    second: str
    """Validation, and wrong answers."""


LIGHT: Final = Theme(
    ground="#ffffff",
    ink="#1d2126",
    soft="#626b76",
    line="#e3e1dc",
    accent="#2f6f8f",
    second="#c2571a",
)
DARK: Final = Theme(
    ground="#1b1f23",
    ink="#e4e7ea",
    soft="#98a2ad",
    line="#2d3339",
    accent="#7cc0de",
    second="#f0925a",
)


def library(name: str) -> Any:
    """Import a module of matplotlib, or of Pillow which comes with it, when a picture is drawn.

    Raises `MissingExtra` without matplotlib.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingExtra("matplotlib", extra="report", purpose="drawing a picture") from error


def figure(width_in: float, height_in: float, *, theme: Theme, packed: bool = True) -> Any:
    """Make an empty picture, sizes in inches of `DPI` pixels; `packed` places the axes by itself.

    Raises `MissingExtra` without matplotlib.
    """
    drawing = library("matplotlib.figure").Figure(
        figsize=(width_in, height_in),
        dpi=DPI,
        layout="constrained" if packed else None,
        facecolor=theme.ground,
    )
    if packed:
        drawing.get_layout_engine().set(w_pad=0.1, h_pad=0.1)
    library("matplotlib.backends.backend_agg").FigureCanvasAgg(drawing)
    return drawing


def png(drawing: Any) -> bytes:
    """Draw a figure as the bytes of a PNG file."""
    return encode(pixels(drawing))


def pixels(drawing: Any) -> NDArray[np.uint8]:
    """Draw a figure as [rows, columns, 3] of red, green and blue."""
    drawing.canvas.draw()
    return np.ascontiguousarray(np.asarray(drawing.canvas.buffer_rgba())[..., :3])


def encode(picture: NDArray[np.uint8]) -> bytes:
    """A picture [rows, columns, 3] as a PNG of at most 256 colours, a third of the full size."""
    pillow = library("PIL.Image")
    small = pillow.fromarray(picture).quantize(
        256, method=pillow.Quantize.MEDIANCUT, dither=pillow.Dither.NONE
    )
    target = io.BytesIO()
    small.save(target, format="PNG", optimize=True)
    return target.getvalue()


def rgb(colour: str) -> NDArray[np.uint8]:
    """A colour `#rrggbb` as red, green and blue, [3]."""
    return np.frombuffer(bytes.fromhex(colour.removeprefix("#")), np.uint8)


def style(axes: Any, theme: Theme, *, fontsize: float = 9) -> None:
    """Give axes the look that all pictures share."""
    axes.set_facecolor(theme.ground)
    axes.grid(visible=True, color=theme.line, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=theme.soft, labelsize=fontsize, length=0)
    for axis in (axes.xaxis, axes.yaxis):
        axis.label.set(color=theme.soft, fontsize=fontsize)
    for side, spine in axes.spines.items():
        spine.set(visible=side in ("left", "bottom"), color=theme.line)


@cache
def fonts() -> tuple[str, ...]:
    """Those of `FONTS` that are on this machine."""
    known = {entry.name for entry in library("matplotlib.font_manager").fontManager.ttflist}
    return tuple(name for name in FONTS if name in known)


def drawable(labels: Sequence[str]) -> list[str]:
    """Labels as a picture shows them: shortened, and `#3`, say, where no font has the letters."""
    return [
        _short(label) if can_draw(label) else f"#{number}"
        for number, label in enumerate(labels, start=1)
    ]


def can_draw(label: str) -> bool:
    """Whether the fonts of this machine have every letter of a label."""
    return bool(label) and all(ord(letter) in _letters() for letter in label)


@cache
def _letters() -> frozenset[int]:
    """Code points that can be drawn."""
    manager, ft2font = library("matplotlib.font_manager"), library("matplotlib.ft2font")
    charmaps = (ft2font.FT2Font(manager.findfont(name)).get_charmap() for name in fonts())
    return frozenset(itertools.chain.from_iterable(charmaps))


def _short(label: str) -> str:
    return label if len(label) <= LONGEST_LABEL else f"{label[: LONGEST_LABEL - 1]}…"
