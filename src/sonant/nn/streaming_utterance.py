"""The front end of speaker models that listen while someone speaks."""

from __future__ import annotations

from typing import Final, final

from torch import Tensor

from sonant.errors import ModelError
from sonant.nn.running import RunningCentre
from sonant.nn.spectrum import Dft
from sonant.nn.streaming import Chain, State, Streamable
from sonant.nn.streaming_frontend import StreamingFrontEnd
from sonant.nn.utterance import lengths_of, log_mel, real_frames, silent_behind
from sonant.nn.utterance_config import UtteranceConfig, UtteranceFeatures

NEEDS: Final = (
    "a network that streams cannot wait for the mean of a whole utterance; set "
    "front_end.name = 'utterance' and front_end.mean = 'running' (or 'none')"
)


@final
class StreamingUtteranceFrontEnd(Streamable):
    """Log-mel energies of samples as they come, less their mean so far.

    [batch, 1, samples] -> [batch, bins, frames], one frame for each hop of samples. Raises `ModelError`
    for settings that need the whole utterance.
    """

    def __init__(self, config: UtteranceFeatures, *, rate_hz: int) -> None:
        super().__init__()
        if not isinstance(config, UtteranceConfig) or config.mean == "utterance":
            raise ModelError(f"front_end: {NEEDS}")
        self.config, self.bins = config, config.mels
        self.rate_hz = rate_hz
        self.front_end = StreamingFrontEnd(log_mel(config), rate_hz=rate_hz)
        centre = [RunningCentre(config.mels)] if config.mean == "running" else []
        self.net = Chain(self.front_end, *centre)
        self.hop, self.receptive_field = self.net.hop, self.net.receptive_field

    @property
    def dft(self) -> Dft:
        """Which Fourier transform runs; see `FrontEnd`."""
        return self.front_end.dft

    @dft.setter
    def dft(self, dft: Dft) -> None:
        self.front_end.dft = dft

    def initial_state(self, like: Tensor) -> State:
        """Silence, of which nothing is in the mean."""
        return self.net.initial_state(like)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """The frames that these samples, a multiple of the hop, make whole."""
        return self.net.step(x, state)

    def utterances(self, samples: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Features and mask of whole utterances, each as a stream of its own.

        A frame is real where its hop lies whole inside the utterance, and the first always. Raises
        `ModelError` for shapes that do not fit.
        """
        hop = self.config.hop_length
        lengths = lengths_of(samples, lengths)
        samples = silent_behind(samples, lengths, least=hop)
        features: Tensor = self(samples[..., : samples.shape[-1] // hop * hop])
        mask = real_frames(lengths, frames=features.shape[-1], window=hop, hop=hop)
        return features * mask.unsqueeze(1), mask
