"""Speaker bundles as the server serves them: a clip in, where it lies among voices out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, final

import numpy as np

from sonant import audio
from sonant.audio import Clip, Samples
from sonant.card import Card
from sonant.countermeasures.guards import Guards
from sonant.errors import AudioError, BundleError
from sonant.runtime.reading import checked
from sonant.serving.clips import LONGEST_S, PCM, SAMPLES, WANTED, WAV, from_file, from_pcm16
from sonant.serving.servable import Servable
from sonant.serving.speaker_guards import LLRS, llrs_of
from sonant.serving.status import invalid
from sonant.serving.tensors import (
    DEFAULT_SIGNATURE,
    FLOAT,
    STRING,
    Signature,
    Tensor,
    Tensors,
    TensorSpec,
)
from sonant.speakers.embedding import NORM, Embedding
from sonant.speakers.gates import Quality
from sonant.speakers.model import SpeakerModel
from sonant.speakers.verdict import Heard

EMBED: Final = "embed"
CLAIM: Final = "claim"
"""The signature of clips that claim to be somebody: detectors hear them as well."""
CLAIMED: Final = "claimed"
EMBEDDING: Final = "embedding"
TOGETHER_S: Final = 60.0
"""Sound that is heard together at most, unless a clip alone lasts longer: memory stays small."""
MEASURES: Final = (NORM, "speech_s", "snr_db")
"""What is told of a clip beside its embedding; a graph may have no norm."""


@final
class SpeakerServable(Servable):
    """A speaker bundle: clips in, an embedding of each, and how much speech was in it."""

    def __init__(self, card: Card, *, guards: Guards | None = None) -> None:
        """Open the graph of `card` and run it once; `guards` hear the clips of the signature `claim`.

        Raises `BundleError` where it is missing or damaged, the operating point cannot be used, or a guard
        hears another rate.
        """
        self.card: Final = card
        self.guards: Final = guards or Guards()
        self.guards.fit(card)
        # As with keywords: requests run side by side, each on one thread.
        self.model: Final = SpeakerModel(card, threads=1)
        tried = self.model.embed(_noise(card.audio.rate_hz))
        self._size = len(tried.vector)
        self._measures = MEASURES if tried.norm is not None else MEASURES[1:]
        self.signatures = _signatures(self._size, self._measures, guards=self.guards)
        calibration = self.model.deciding.calibration
        wanted = calibration.quality.keys() if calibration else set[str]()
        if missing := sorted(wanted - set(self._measures)):
            raise BundleError(
                f"{card.path}: the calibration wants {missing[0]}, which the graph does not give; "
                f"calibrate it without"
            )

    def prepare(self, signature: str, inputs: Tensors) -> Tensors:
        """Clips in any of their forms -> `samples` [rows], each row an array of its own length."""
        ((name, clips),) = inputs.items()
        if clips.ndim != len(self.signatures[signature].inputs[name].shape or ()):
            raise invalid(f"'{name}' is {list(clips.shape)}, want {_WANTED[name]}")
        rate_hz, rows, left_s = self.card.audio.rate_hz, list[Samples](), LONGEST_S
        for number, clip in enumerate(clips):
            row = _READERS[name](clip, rate_hz, left_s, f"{name}[{number}]")
            left_s -= len(row) / rate_hz
            if left_s < 0:
                raise invalid(f"{name}: lasts more than {LONGEST_S:.0f} s; ask in parts")
            rows.append(row)
        # Not filled up to the longest: a long clip among thousands of short ones takes no more.
        samples = np.empty(len(rows), object)
        samples[:] = rows
        return {SAMPLES: samples}

    def run(self, signature: str, inputs: Tensors) -> Tensors:
        """Embeddings [rows, size] of unit length, measures and, for `claim`, LLRs of each clip [rows]."""
        rate_hz = self.card.audio.rate_hz
        parts = _parts(inputs[SAMPLES], most=round(TOGETHER_S * rate_hz))
        heard = [one for part in parts for one in self.model.hear_many(part, rate_hz=rate_hz)]
        vectors = [one.embedding.vector for one in heard]
        found = {EMBEDDING: np.stack(vectors) if heard else np.zeros((0, self._size), np.float32)}
        for name in self._measures:
            found[name] = np.array([one.measures()[name] for one in heard], np.float32)
        if signature == CLAIM:
            found |= llrs_of(self.guards, list(inputs[SAMPLES]), rate_hz=rate_hz)
        return found

    def warm_up(self, size: int) -> None:
        """Embed so many seconds of noise together, and let detectors hear one."""
        rate_hz = self.card.audio.rate_hz
        self.model.hear_many([_noise(rate_hz)] * size, rate_hz=rate_hz)
        llrs_of(self.guards, [_noise(rate_hz)], rate_hz=rate_hz)


def heard_in(outputs: Tensors) -> list[Heard]:
    """What a run answered, row by row, as verdicts want it."""
    norms = outputs.get(NORM)
    return [
        Heard(
            embedding=Embedding(vector=vector, norm=None if norms is None else float(norms[row])),
            quality=Quality(
                speech_s=float(outputs["speech_s"][row]), snr_db=float(outputs["snr_db"][row])
            ),
        )
        for row, vector in enumerate(outputs[EMBEDDING])
    ]


def _parts(clips: Iterable[Samples], *, most: int) -> Iterator[list[Samples]]:
    """Clips in their order, together until the next would make them last longer than `most` samples."""
    part: list[Samples] = []
    for clip in clips:
        if part and sum(map(len, part)) + len(clip) > most:
            yield part
            part = []
        part.append(clip)
    if part:
        yield part


def _signatures(size: int, measures: tuple[str, ...], *, guards: Guards) -> Mapping[str, Signature]:
    outputs = {
        EMBEDDING: TensorSpec(dtype=FLOAT, shape=(-1, size), name=f"{EMBEDDING}:0"),
        **{name: TensorSpec(dtype=FLOAT, shape=(-1,), name=f"{name}:0") for name in measures},
    }
    samples = TensorSpec(dtype=FLOAT, shape=(-1, -1), name=f"{SAMPLES}:0")
    inputs = {
        DEFAULT_SIGNATURE: {SAMPLES: samples},
        EMBED: {WAV: TensorSpec(dtype=STRING, shape=(-1,), name=f"{WAV}:0")},
        PCM: {PCM: TensorSpec(dtype=STRING, shape=(-1,), name=f"{PCM}:0")},
    }
    found = {name: Signature(inputs=ends, outputs=outputs) for name, ends in inputs.items()}
    if guards.all:
        llrs = [LLRS[guard.kind] for guard in guards.all]
        found[CLAIM] = Signature(
            inputs={CLAIMED: TensorSpec(dtype=STRING, shape=(-1,), name=f"{CLAIMED}:0")},
            outputs=outputs
            | {name: TensorSpec(dtype=FLOAT, shape=(-1,), name=f"{name}:0") for name in llrs},
        )
    return found


def _from_samples(clip: Tensor, rate_hz: int, left_s: float, name: str) -> Samples:
    return _at_rate(Clip(np.ascontiguousarray(clip, np.float32), rate_hz), rate_hz, name)


def _from_pcm(clip: bytes, rate_hz: int, left_s: float, name: str) -> Samples:
    return _at_rate(Clip(from_pcm16(clip, name=name), rate_hz), rate_hz, name)


def _from_file(clip: bytes, rate_hz: int, left_s: float, name: str) -> Samples:
    return _at_rate(from_file(clip, name=name, longest_s=left_s), rate_hz, name)


def _at_rate(clip: Clip, rate_hz: int, name: str) -> Samples:
    try:
        return checked(audio.resample(clip, rate_hz).samples, name=name)
    except AudioError as error:
        raise invalid(str(error)) from error


def _noise(rate_hz: int) -> Samples:
    """A second in which a graph finds something to normalise; in silence it may not."""
    return np.random.default_rng(0).normal(0.0, 0.1, rate_hz).astype(np.float32)


_READERS: Final[Mapping[str, Callable[..., Samples]]] = {
    SAMPLES: _from_samples,
    PCM: _from_pcm,
    WAV: _from_file,
    CLAIMED: _from_file,
}
_WANTED: Final[Mapping[str, str]] = {**WANTED, CLAIMED: WANTED[WAV]}
