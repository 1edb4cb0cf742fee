"""Where a signal inside a network stands in time, next to the frames that came in.

The module counts its frames from the start of the clip; the stream counts them from the start of the
stream. `Timeline` holds the two side by side through every layer, in whole frames and without guessing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """The time of one signal: frame `i` of the stream is frame `i - lag` of the module."""

    frames: int
    """Frames the module has of it for the example clip."""
    hop: int = 1
    """Input frames for one frame of this signal."""
    lag: int = 0
    """Own frames by which the stream trails the module's count; below 0 just behind zero padding."""
    counts: tuple[tuple[int, int], ...] = ()
    """Pairs (plus, over): frames out = (frames in + plus) // over, layer after layer."""
    oldest: int = 0
    """The first input frame that frame 0 of the module depends on."""
    newest: int = 0
    """The last one."""
    endless: bool = False
    """Whether every frame depends on all before it."""

    def length(self, clip: int) -> int:
        """How many frames the module has of this signal for `clip` input frames.

        Whole blocks may be left out on both sides: `length(n + k * hop) == length(n) + k`.
        """
        for plus, over in self.counts:
            clip = (clip + plus) // over
        return clip

    def padded(self, left: int, right: int) -> Timeline:
        """With zeros around it; fewer than none cuts frames off."""
        return replace(
            self,
            frames=self.frames + left + right,
            lag=self.lag - left,
            counts=(*self.counts, (left + right, 1)),
            oldest=self.oldest - left * self.hop,
            newest=self.newest - left * self.hop,
        )

    def windowed(self, span: int, stride: int) -> Timeline:
        """Windows that lie whole inside it, each given as soon as its last frame is there."""
        return replace(
            self,
            frames=(self.frames - span) // stride + 1,
            hop=self.hop * stride,
            lag=max(0, -((stride - span - self.lag) // stride)),
            counts=(*self.counts, (stride - span, stride)),
            newest=self.newest + (span - 1) * self.hop,
        )

    def memory(self, stride: int, lag: int) -> int:
        """Past frames that windows `stride` apart need, given out with `lag`; below 0: frames to skip."""
        return lag * stride - self.lag

    def held(self, frames: int) -> Timeline:
        """`frames` later."""
        return replace(self, lag=self.lag + frames)

    def owed(self, clip: int) -> int:
        """Input frames still to come after a clip until its last frame of this signal is out."""
        return (self.lag + self.length(clip)) * self.hop - clip


def together(lines: Sequence[Timeline]) -> Timeline:
    """The time of what is made of signals in step with one another."""
    first = lines[0]
    return replace(
        first,
        oldest=min(line.oldest for line in lines),
        newest=max(line.newest for line in lines),
        endless=any(line.endless for line in lines),
    )
