"""The front end as a stream: the frames of a clip, as they become whole."""

from __future__ import annotations

from collections.abc import Iterable
from typing import final

from torch import Tensor

from sonant.errors import ModelError
from sonant.nn.frontend import FrontEnd
from sonant.nn.frontend_config import FrontEndConfig, span_of, streams
from sonant.nn.spectrum import Dft
from sonant.nn.streaming import State, Streamable, joined

__all__ = ["StreamingFrontEnd", "streams"]


@final
class StreamingFrontEnd(Streamable):
    """Features of samples as they come, one frame for each hop of them.

    [batch, 1, samples] -> [batch, bins, frames]. A window ends with its hop; the first windows reach
    back into the silence before the stream. From where a window lies whole inside the sound, the
    frames are those of `FrontEnd`; PCEN and the micro front end also remember the frames before.
    Raises `ModelError` for settings that need the whole clip.
    """

    def __init__(self, config: FrontEndConfig, *, rate_hz: int) -> None:
        super().__init__()
        if reason := streams(config):
            raise ModelError(f"front_end: {reason}")
        self.front_end = FrontEnd(config, rate_hz=rate_hz)
        span, hop = span_of(config)
        self._pre = 1 if config.pre_emphasis else 0
        self._kept = max(0, span + self._pre - hop)
        self._skipped = max(0, hop - span - self._pre)
        self.hop, self._hop = hop, hop
        self.receptive_field = None if self.front_end.transform.remembers else span + self._pre

    @property
    def config(self) -> FrontEndConfig:
        """The settings."""
        return self.front_end.config

    @property
    def rate_hz(self) -> int:
        """Samples a second."""
        return self.front_end.rate_hz

    @property
    def dft(self) -> Dft:
        """Which Fourier transform runs; see `FrontEnd`."""
        return self.front_end.dft

    @dft.setter
    def dft(self, dft: Dft) -> None:
        self.front_end.dft = dft

    def shape(self, samples: int) -> tuple[int, int]:
        """Bins, and frames that lie whole inside a clip of so many samples, as in `FrontEnd`."""
        return self.front_end.shape(samples)

    def adapt(self, batches: Iterable[Tensor]) -> None:
        """Learn mean and deviation from clips, each [batch, 1, samples], as `FrontEnd` does."""
        self.front_end.adapt(batches)

    def initial_state(self, like: Tensor) -> State:
        """The samples that the next window reaches back to, and what the features remember."""
        past: State = like.new_zeros(like.shape[0], 1, self._kept) if self._kept else ()
        return past, self.front_end.transform.initial_memory(like.squeeze(1))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """The frames that these samples, a multiple of the hop, make whole."""
        if x.shape[-1] < self._hop:
            raise ModelError(
                f"a step of {x.shape[-1]} samples is shorter than front_end's hop of {self._hop}; "
                f"give a multiple of the hop"
            )
        past, memory = state
        heard = joined(past, x) if self._kept else x
        features, memory = self.front_end.next_frames(heard[..., self._skipped :], memory)
        return features, (heard[..., heard.shape[-1] - self._kept :] if self._kept else (), memory)
