"""A vocoder that sounds while the mel is still coming: frames in, samples out, the rest at the end."""

from __future__ import annotations

from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from sonant.audio import Samples
from sonant.card import Card, GraphSpec, StreamSpec
from sonant.conversion.vocoders import VOCODER, Mel, voice_mel
from sonant.errors import BundleError
from sonant.nn.voice_mel_config import VoiceMel
from sonant.runtime.graph import open_graph

VOCODER_STREAM: Final = "vocoder_stream"
"""The graph of a vocoder's steps."""


@final
class VocoderStream:
    """The graph `vocoder_stream` of a bundle and where it stands; a new sound takes a new one."""

    def __init__(self, card: Card, *, threads: int = 1) -> None:
        """Open the graph; raises `BundleError` where there is none, or it is damaged."""
        self._spec, self.stream = _steps(card)
        self.mel: Final[VoiceMel] = voice_mel(card)
        self.rate_hz: Final = card.audio.rate_hz
        self._file: Final = card.path / self._spec.file
        self._session: Final = open_graph(card, self._spec.file, threads)
        self._late = self.stream.delay
        self._state: dict[str, NDArray[np.float32]] = {
            state.name: np.zeros((1, *state.shape), np.float32) for state in self.stream.states
        }

    def push(self, mel: Mel) -> Samples:
        """The next frames [mels, frames] -> the samples that are ready: a hop for each, once `delay` is over.

        All that comes out is what the whole graph makes of all that went in. Raises `BundleError` when the
        graph fails.
        """
        if not mel.shape[1]:
            return np.zeros(0, np.float32)
        feed = {self._spec.input: np.ascontiguousarray(mel[None], np.float32), **self._state}
        try:
            names = [self._spec.output, *(state.next for state in self.stream.states)]
            made, *after = self._session.run(names, feed)
        except Exception as error:  # onnxruntime's errors share no narrower class
            raise BundleError(f"{self._file}: failed ({error})") from error
        self._state = dict(zip(self._state, after, strict=True))
        ready: Samples = made[0, self._late :]
        self._late = max(0, self._late - made.shape[1])
        return ready

    def finish(self) -> Samples:
        """What is still to be heard of the frames that were given; then the stream is over."""
        frames = self.stream.delay // self.stream.hop
        return self.push(np.full((self.mel.mels, frames), np.log(self.mel.floor), np.float32))


def _steps(card: Card) -> tuple[GraphSpec, StreamSpec]:
    spec = card.graphs.get(VOCODER_STREAM)
    if spec is None or spec.stream is None:
        known = ", ".join(sorted(card.graphs)) or "none"
        raise BundleError(
            f"{card.path}: has no graph '{VOCODER_STREAM}' (there: {known}), so it sounds whole "
            f"spectrograms only, by the graph '{VOCODER}'; train the vocoder again to have it stream"
        )
    return spec, spec.stream
