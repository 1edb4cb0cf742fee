"""The words in a converted file that say it is synthetic: text chunks that any player or editor shows."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import soundfile

from sonant import __version__, audio, whole_file
from sonant.audio import Clip
from sonant.errors import AudioError

MAKER: Final = "sonant"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where converted speech came from."""

    source: str
    """Name of the recording whose words they are."""
    target: str
    """Name of the voice."""
    model: str
    """sha256 of the graph that converted it."""
    vocoder: str
    """`griffin-lim`, or the sha256 of the graph that made sound of the spectrum."""
    seed: int


def write(path: Path, clip: Clip, origin: Origin) -> Path:
    """Write a clip as 16-bit WAV that says what it is, whole or not at all.

    The title is for people, the comment is JSON: `synthetic` is true, and the fields of `Origin` follow.
    Raises `AudioError` when it cannot be written.
    """
    tags = {
        "title": f"Synthetic speech: {origin.source} in the voice of {origin.target}",
        # libsndfile writes text as it is given: plain ASCII is read alike everywhere.
        "comment": json.dumps({"synthetic": True, **asdict(origin)}),
        "software": f"{MAKER} {__version__}",
    }
    try:
        with (
            whole_file.beside(path) as scratch,
            soundfile.SoundFile(
                os.fsencode(scratch), "w", clip.rate_hz, 1, "PCM_16", format="WAV"
            ) as sound,
        ):
            for name, text in tags.items():
                setattr(sound, name, text)
            sound.write(audio.to_pcm16(clip.samples))
    except (soundfile.SoundFileError, OSError, RuntimeError) as error:
        raise AudioError(f"{path}: cannot be written ({error})") from error
    return path


def read(path: Path) -> Origin | None:
    """What a file says of itself; None where it does not say that it is synthetic speech of this package.

    Raises `AudioError` when it cannot be read as audio.
    """
    try:
        with soundfile.SoundFile(os.fsencode(path)) as sound:
            comment = str(sound.comment)
    except (soundfile.SoundFileError, OSError, RuntimeError) as error:
        raise AudioError(f"{path}: cannot be read as audio ({error})") from error
    return _origin(comment)


def _origin(comment: str) -> Origin | None:
    """Anybody may have written a comment: whatever is not ours to the letter is none."""
    try:
        found = json.loads(comment)
    except ValueError:
        return None
    if not isinstance(found, dict) or found.pop("synthetic", None) is not True:
        return None
    kinds = {"source": str, "target": str, "model": str, "vocoder": str, "seed": int}
    if {name: type(value) for name, value in found.items()} != kinds:
        return None
    return Origin(**found)
