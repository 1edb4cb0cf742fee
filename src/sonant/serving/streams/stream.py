"""One live stream: what it was told and has not yet heard, and whoever wants its answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, Protocol, TypeAlias, final

import numpy as np

from sonant.card import StreamSpec
from sonant.runtime.arena import Row
from sonant.runtime.session import Probabilities

Listener: TypeAlias = Callable[[Probabilities, float], None]
"""Called on the loop with answers [frames, labels], and the highest of any keyword among them."""


class Steps(Protocol):
    """Whoever takes the steps: the hub."""

    spec: StreamSpec
    hops: int
    """In a step."""
    step_samples: int
    ahead_samples: int
    """So much may wait before a client is held back."""

    def enqueue(self, stream: Stream, /) -> None: ...  # noqa: D102
    def leave(self, stream: Stream, /) -> None: ...  # noqa: D102


@final
class Stream:
    """One live stream of a hub; used on the hub's loop only."""

    __slots__ = (
        "_answered", "_change", "_ending", "_heard", "_listener", "_on_failure", "_pending", "_steps",
        "_unit", "is_closed", "is_float", "is_queued", "row",
    )  # fmt: skip

    def __init__(
        self, steps: Steps, listener: Listener, on_failure: Callable[[Exception], None]
    ) -> None:
        """Made by `Hub.open`."""
        self._steps: Final = steps
        self._listener = listener
        self._on_failure = on_failure
        self._pending = bytearray()
        self._unit = 2
        self._heard = 0
        self._answered = 0
        self._ending = 0
        self._change: asyncio.Future[None] | None = None
        self.is_float = False
        """Whether float32 samples wait; else int16."""
        self.is_closed = False
        self.is_queued = False
        """Whether the hub knows that a step can be taken, or takes it."""
        self.row: Row | None = None
        """Its place in the hub's arena, once it had a step; the hub's business."""

    @property
    def heard(self) -> int:
        """Samples that were pushed."""
        return self._heard

    @property
    def is_full(self) -> bool:
        """Whether so much waits that the client should be held back."""
        return len(self._pending) > self._steps.ahead_samples * self._unit

    @property
    def is_ripe(self) -> bool:
        """Whether a step can be taken."""
        return len(self._pending) >= self._steps.step_samples * self._unit

    def push(self, data: bytes, *, is_float: bool = False) -> None:
        """Hear any number of further samples at the model's rate: int16, or float32 that are numbers."""
        if self.is_closed:
            return
        if is_float is not self.is_float:
            if is_float:
                self._become_floats()
            else:
                data = _as_floats(data)
        self._pending += data
        self._heard += len(data) // self._unit
        if not self.is_queued and self.is_ripe:
            self._steps.enqueue(self)

    async def room(self) -> None:
        """Wait until the inbox has space; returns at once where it has, and when the stream ends."""
        while self.is_full and not self.is_closed:
            await self._changed()

    async def answered(self) -> None:
        """Wait until every step that can be taken was."""
        while self.is_queued and not self.is_closed:
            await self._changed()

    async def finish(self) -> None:
        """Hear silence until all that was said has its answer; the last came before this returns."""
        spec, heard = self._steps.spec, self._heard
        if not heard:
            return
        owed = -(-heard // spec.hop) + -(-spec.delay // spec.hop)
        steps = -(-owed // self._steps.hops)
        silence = steps * self._steps.step_samples - heard
        self._ending = owed
        self.push(bytes(silence * self._unit), is_float=self.is_float)
        self._heard = heard
        while self._answered < owed and not self.is_closed:
            await self._changed()

    def close(self) -> None:
        """Forget everything; no answer comes any more. Closing twice does nothing."""
        if not self.is_closed:
            self.is_closed = True
            # Whoever listened holds this stream: both can go at once where neither holds the other.
            self._listener, self._on_failure = _unheard, _unheard
            self._pending.clear()
            self._wake()
            self._steps.leave(self)

    def take(self) -> bytearray:
        """The samples of one step, which are ripe; for the hub."""
        size = self._steps.step_samples * self._unit
        taken = self._pending[:size]
        del self._pending[:size]
        return taken

    def told(self, answers: Probabilities, peak: float) -> None:
        """Pass on the answers to one step; for the hub."""
        if self._ending:
            # The last step may go beyond what was owed.
            answers = answers[: max(0, self._ending - self._answered)]
        self._answered += len(answers)
        if len(answers):
            self._listener(answers, peak)
        if self._change is not None:
            self._wake()

    def failed(self, error: Exception) -> None:
        """Pass on why it cannot go on, and close; for the hub."""
        if not self.is_closed:
            on_failure = self._on_failure
            self.close()
            on_failure(error)

    def _become_floats(self) -> None:
        """Floats came: what waits becomes floats as well, for good."""
        self._pending = bytearray(_as_floats(bytes(self._pending)))
        self.is_float, self._unit = True, 4

    async def _changed(self) -> None:
        if self._change is None:
            self._change = asyncio.get_running_loop().create_future()
        # Several may wait for the same change, and one of them may be given up.
        await asyncio.shield(self._change)

    def _wake(self) -> None:
        if self._change is not None:
            self._change.set_result(None)
            self._change = None


def _unheard(*_: object) -> None:
    """Nobody listens any more."""


def _as_floats(data: bytes) -> bytes:
    return (np.frombuffer(data, "<i2").astype(np.float32) * np.float32(2**-15)).tobytes()
