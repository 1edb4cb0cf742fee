"""The page of a vocoder's training: how near it came, and what it sounds like."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import soundfile
from numpy.typing import NDArray

from sonant import page, plots
from sonant.page import Html


class Sound(NamedTuple):
    """A recording, and what the vocoder makes of it."""

    name: str
    real: NDArray[np.float32]
    """[samples]"""
    made: NDArray[np.float32]
    """[samples]"""


def render(
    title: str,
    *,
    figures: Mapping[str, float],
    history: Sequence[Mapping[str, float]],
    best_epoch: int,
    sounds: Sequence[Sound],
    rate_hz: int,
    recipe: str,
    environment: Mapping[str, str],
    summary: str,
) -> str:
    """Write the page; the same arguments give the same text.

    `figures` are distances, less is better; `history` rows of `metrics.jsonl`. Raises `MissingExtra`
    without matplotlib.
    """
    tiles = ((name.replace("_", " "), f"{value:.3f}") for name, value in figures.items())
    parts = (
        page.section("Distances", page.facts(tiles), note="From real speech; less is better."),
        _training(history, best_epoch),
        page.section(
            "Speech never heard in training",
            page.cards(_card(sound, rate_hz) for sound in sounds),
            note="Real speech first, then the same made anew from its mel spectrogram.",
        ),
        page.section("Recipe", f"<pre>{page.text(recipe)}</pre>"),
        page.section("Layers", f"<pre>{page.text(summary)}</pre>"),
        page.section("Environment", page.table(("what", "which"), environment.items())),
    )
    html = page.document(title, "".join(parts))
    # A file name need not be text; what UTF-8 cannot carry is written as an escape.
    return html.encode("utf-8", "backslashreplace").decode("utf-8")


def _training(history: Sequence[Mapping[str, float]], best_epoch: int) -> Html:
    """Curves, and the rows they are drawn from."""
    names = list(dict.fromkeys(name for row in history for name in row))
    rows = ([f"{row[name]:.4g}" if name in row else "" for name in names] for row in history)
    picture = page.image(
        plots.curves(history, best_epoch=best_epoch),
        alt=f"Loss and learning rate over {len(history)} epochs; the numbers stand in the table below",
    )
    columns = [name.replace("_", " ") for name in names]
    table = page.table(columns, rows, numeric=range(len(columns)))
    seconds = sum(row.get("seconds", 0.0) for row in history)
    note = f"{len(history)} epochs in {seconds:,.0f} seconds; kept are the weights of epoch {best_epoch}."
    return page.section("Training", picture + page.fold("All numbers", table), note=note)


def _card(sound: Sound, rate_hz: int) -> str:
    parts = [f"<h3>{page.text(sound.name)}</h3>"]
    for what, samples in (("real", sound.real), ("made", sound.made)):
        png = plots.waveform_and_spectrogram(samples, rate_hz)
        parts.append(page.image(png, alt=f"Wave and spectrogram of {sound.name}, {what}"))
        parts.append(page.audio(_wav(samples, rate_hz)))
    return "".join(parts)


def _wav(samples: NDArray[np.float32], rate_hz: int) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, np.clip(samples, -1, 1), rate_hz, format="WAV", subtype="PCM_16")
    return file.getvalue()
