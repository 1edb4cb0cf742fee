"""A vocoder put inside a converter's bundle: one folder that turns speech into speech."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Final

from sonant.card import FILE, Card
from sonant.card.revision import revise
from sonant.conversion.vocoders import VOCODER, voice_mel
from sonant.errors import BundleError

FOLDER: Final = "vocoder"
"""Of the converter's bundle; the vocoder's own bundle lies in it as it was, card and all."""


def nest(converter: Card, vocoder: Card) -> Path:
    """Write the next version of a converter's bundle with the whole bundle of a vocoder in it.

    Both keep their graphs to the byte, and so their digests. Raises `BundleError` where the vocoder has no
    graph, or was made for another spectrogram or rate.
    """
    if VOCODER not in vocoder.graphs:
        raise BundleError(
            f"{vocoder.path}: has no graph '{VOCODER}'; train one with the task vocoding"
        )
    wanted = (voice_mel(converter), converter.audio.rate_hz)
    if (voice_mel(vocoder), vocoder.audio.rate_hz) != wanted:
        raise BundleError(
            f"{vocoder.path}: understands {voice_mel(vocoder)} at {vocoder.audio.rate_hz} Hz, but "
            f"{converter.path} makes {wanted[0]} at {wanted[1]} Hz"
        )
    spec = vocoder.graphs[VOCODER]
    graph = {**asdict(spec), "file": f"{FOLDER}/{spec.file}"}
    files = {f"{FOLDER}/{name}": vocoder.file(name) for name in (FILE, *vocoder.files)}
    return revise(converter, files=files, changes={"graphs": {VOCODER: graph}})


def holds(converter: Card, vocoder: Card) -> bool:
    """Whether a converter's bundle has this very vocoder in it, whatever its version is called."""
    inner, own = converter.graphs.get(VOCODER), vocoder.graphs.get(VOCODER)
    if inner is None or own is None:
        return False
    return converter.files[inner.file] == vocoder.files[own.file]
