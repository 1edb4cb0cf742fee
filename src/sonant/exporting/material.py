"""Real clips on which an export is proved, and long audio on which 8 bits are calibrated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sonant.audio import Samples
from sonant.card import GOLDEN, AudioSpec, Card
from sonant.data.held_out import as_trained
from sonant.errors import AudioError, ManifestError
from sonant.manifest import Item, Manifest
from sonant.runtime.reading import read_clips

PROVED: Final = 256
"""Clips of the test split that every form of the model answers."""
CALIBRATED: Final = 64
"""Clips of the training split that ranges are learned from."""
STREAMS: Final = 4
"""Streams side by side in the calibration of a network that streams."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """Clips at the rate and of the length that the bundle listens to."""

    clips: Samples
    """[clips, samples], those to prove it on."""
    targets: NDArray[np.int64] | None
    """[clips], label numbers; None where nobody knows them."""
    calibration: Samples
    """[clips, samples], others where there are others."""
    origin: str
    """Where they came from."""

    @property
    def long(self) -> Samples:
        """All clips one after the other, as a stream that is never reset hears them, [samples]."""
        return self.clips.reshape(-1)

    @property
    def streams(self) -> Samples:
        """The calibration clips as a few long streams, [streams, samples]."""
        count = min(STREAMS, len(self.calibration))
        each = len(self.calibration) // count
        return self.calibration[: count * each].reshape(count, -1)


def material(card: Card, manifest: Manifest | None, *, clips: int = PROVED) -> Material:
    """From labelled data, split as for training; without data, the clips the bundle carries itself.

    Raises `AudioError` for a clip that cannot be read.
    """
    if manifest is None:
        with np.load(card.file(GOLDEN), allow_pickle=False) as golden:
            own = golden["samples"]
        return Material(
            clips=own, targets=None, calibration=own, origin=f"{len(own)} clips of the bundle"
        )
    manifest = as_trained(card, manifest)
    known = [item for item in manifest if item.label in card.labels]
    tested = [item for item in known if item.split == "test"] or known
    trained = [item for item in known if item.split == "train"] or known
    if not known:
        raise ManifestError(f"{manifest.name}: no clip has a label that the bundle knows")
    chosen = _evenly(tested, clips)
    return Material(
        clips=_read(chosen, card.audio),
        targets=np.array([card.labels.index(item.label) for item in chosen], np.int64),
        calibration=_read(_evenly(trained, CALIBRATED), card.audio),
        origin=f"{len(chosen)} clips of {manifest.name}",
    )


def _evenly(items: Sequence[Item], most: int) -> list[Item]:
    """At most so many, spread over all: clips of one label often stand together."""
    count = min(most, len(items))
    return [items[int(number)] for number in np.linspace(0, len(items) - 1, count)]


def _read(items: Sequence[Item], audio: AudioSpec) -> Samples:
    clips: list[Samples] = []
    for read in read_clips(items, audio):
        if read.samples is None:
            raise AudioError(f"{read.error}; an export is proved on clips that can be read")
        clips.append(read.samples)
    return np.stack(clips)
