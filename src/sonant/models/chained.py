"""A network that is a chain of layers: what a stream and a clip ask of it, in one place."""

from __future__ import annotations

from abc import ABC

from torch import Tensor, nn

from sonant.nn.streaming import Chain, Pointwise, State, Streamable, Windowed


class Chained(Streamable, ABC):
    """Features [batch, bins, frames] in, logits [batch, labels, frames / hop] out.

    A network says which layers; the answer to a clip is that of its last frame.
    """

    def __init__(self, *layers: Streamable) -> None:
        super().__init__()
        self.net = Chain(*layers)
        self.hop, self.delay = self.net.hop, self.net.delay
        self.receptive_field = self.net.receptive_field

    def initial_state(self, like: Tensor) -> State:
        """That of every layer."""
        return self.net.initial_state(like)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Through every layer."""
        return self.net.step(x, state)

    def last(self, x: Tensor) -> Tensor:
        """The answer to a clip, [batch, labels, 1].

        Where all layers are windows and the clip fills them, nothing but whole windows inside the
        clip is computed: what the same layers without padding would do.
        """
        field = self.receptive_field
        if field is None or x.shape[-1] < field or not self._windows_only:
            return self.net.last(x)
        x = x[..., -int(field) :]
        for layer in self.net:
            x = layer.over(x) if isinstance(layer, Windowed) else layer(x)
        return x

    @property
    def _windows_only(self) -> bool:
        return all(isinstance(layer, Windowed | Pointwise) for layer in self.net)


def image(bins: int) -> Pointwise:
    """Features as a picture of one channel: [batch, bins, frames] -> [batch, 1, bins, frames]."""
    return Pointwise(nn.Unflatten(1, (1, bins)))


def rows() -> Pointwise:
    """A picture as channels: [batch, channels, bins, frames] -> [batch, channels x bins, frames]."""
    return Pointwise(nn.Flatten(1, 2))
