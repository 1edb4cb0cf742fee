"""Clips to look at and listen to: a card with picture, player, and what was said and heard."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path, PurePath

import numpy as np
import soundfile

from sonant import audio, page, plots
from sonant.audio import Clip
from sonant.errors import AudioError
from sonant.page import Html
from sonant.scoring import Scored

LONGEST_S = 2.0
"""Seconds of a clip that a page carries."""
HIGHEST_HZ = 16_000
"""Sample rate that a page carries; enough for speech."""


def cards(rows: Sequence[Scored], *, labels: Sequence[str], rate_hz: int, folder: PurePath) -> Html:
    """Show clips side by side; paths are written from `folder` on, which they share.

    A file that is gone, or no longer readable, has a card that says so. Raises `MissingExtra`
    without matplotlib.
    """
    return page.cards(_card(row, labels=labels, rate_hz=rate_hz, folder=folder) for row in rows)


def shared_folder(rows: Sequence[Scored]) -> PurePath:
    """The deepest folder that all clips are in; an empty path when that is the root, or none."""
    parents = [PurePath(row.path).parent.parts for row in rows]
    shared: list[str] = []
    for parts in zip(*parents, strict=False):
        if len(set(parts)) > 1:
            break
        shared.append(parts[0])
    folder = PurePath(*shared)
    return PurePath() if folder == PurePath(folder.anchor) else folder


def _card(row: Scored, *, labels: Sequence[str], rate_hz: int, folder: PurePath) -> Html:
    try:
        clip = _read(row, rate_hz)
    except (AudioError, UnicodeError) as error:
        word = "unreadable" if Path(row.path).exists() else "missing"
        shown = Html(f"<p>{page.badge(word, tone='warning')} {page.text(error)}</p>")
    else:
        shown = Html(_picture(clip, row) + _player(clip))
    return Html(f"{shown}{_verdict(row, labels)}{_source(row, folder)}")


def _read(row: Scored, rate_hz: int) -> Clip:
    """The first `LONGEST_S` of a clip, as the model heard it but for its length."""
    clip = audio.read(row.path, start_s=row.start_s, end_s=row.end_s)
    start = clip.samples[: round(LONGEST_S * clip.rate_hz)]
    samples = np.nan_to_num(start, posinf=1.0, neginf=-1.0) * np.float32(row.gain)
    return audio.resample(Clip(np.clip(samples, -1.0, 1.0), clip.rate_hz), min(rate_hz, HIGHEST_HZ))


def _picture(clip: Clip, row: Scored) -> Html:
    # Dark on every page: a spectrogram starts from black, and one picture is half the size of two.
    png = plots.waveform_and_spectrogram(clip.samples, clip.rate_hz, theme=plots.DARK)
    return picture(png, alt=f"Wave and spectrogram of a clip of '{row.label}'")


def picture(png: bytes, *, alt: str) -> Html:
    """A picture without the white ground of the page's own, which would shine at its corners."""
    markup = page.image(png, alt=alt)
    return Html(markup.replace("<img ", '<img style="background:none" ', 1))


def _player(clip: Clip) -> Html:
    """A player for the clip as FLAC, which takes about half the room of WAV and loses nothing."""
    if len(clip.samples) == 0:
        return Html(f"<p>{page.badge('no sound', tone='warning')}</p>")
    target = io.BytesIO()
    soundfile.write(target, audio.to_pcm16(clip.samples), clip.rate_hz, format="FLAC")
    data = base64.b64encode(target.getvalue()).decode("ascii")
    return Html(f'<audio controls preload="none" src="data:audio/flac;base64,{data}"></audio>')


def _verdict(row: Scored, labels: Sequence[str]) -> Html:
    """What was said, what was heard, and how sure the model was of both."""
    said = page.text(row.label)
    truth = float(row.probabilities[labels.index(row.label)])
    if row.predicted == row.label:
        return Html(f"<p><b>{said}</b> {page.badge(percent(truth), tone='good')}</p>")
    heard = page.text(row.predicted)
    sure = page.badge(percent(row.probability), tone="error")
    return Html(
        f"<p>said <b>{said}</b> {page.badge(percent(truth))}, heard <b>{heard}</b> {sure}</p>"
    )


def _source(row: Scored, folder: PurePath) -> Html:
    """Where the clip is, and who speaks."""
    path = PurePath(row.path)
    name = path.relative_to(folder) if path.is_relative_to(folder) else path
    piece = ""
    if row.start_s is not None or row.end_s is not None:
        end = "the end" if row.end_s is None else f"{row.end_s:g} s"
        piece = f", {row.start_s or 0.0:g} s to {end}"
    breakable = page.text(name).replace("/", "/<wbr>")
    speaker = f"<br>speaker {page.text(row.speaker)}" if row.speaker else ""
    return Html(f'<p class="remark"><code>{breakable}</code>{piece}{speaker}</p>')


def percent(share: float) -> str:
    """A share of 1 with one digit, and never 100 for less than all."""
    shown = f"{100 * share:.1f}"
    if share < 1 and shown == "100.0":
        shown = "> 99.9"
    elif share > 0 and shown == "0.0":
        shown = "< 0.1"
    return f"{shown} %"
