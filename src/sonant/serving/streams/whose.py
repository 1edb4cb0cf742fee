"""Whose voice said what was detected: the last moments of a stream, held against who is enrolled.

The clip goes through the queue of the speaker model, so it is embedded beside the steps of all streams and
together with others that wait. A detection waits for its answer for a moment only, and goes without it then.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final, Self, final

from sonant import audio
from sonant.audio import Clip, Samples
from sonant.serving.clips import SAMPLES
from sonant.serving.enrolled import Models, speaker_models, stored
from sonant.serving.running import Running
from sonant.serving.service import Service
from sonant.serving.speaker_bundles import SpeakerServable, heard_in
from sonant.serving.status import Refusal, not_found
from sonant.serving.streams.messages import DETECTION, SPEAKER, Message
from sonant.serving.streams.recent import MOST_ASKED, Recent
from sonant.serving.tensors import DEFAULT_SIGNATURE
from sonant.speakers.store import SpeakerStore
from sonant.speakers.verdict import Identification

FAULTS: Final = logging.getLogger("sonant.serving")
WAIT_S: Final = 0.15
"""How long a detection waits for its speaker: less than anybody notices."""
LATEST_S: Final = 2.0
"""When nobody waits for an answer any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Who said it, or why that is not known."""

    name: str | None = None
    decision: str = "undecided"
    """`known`, `nobody known` or `undecided`."""
    reason: str
    """One sentence."""
    llr: float | None = None
    """Of the nearest who is enrolled, in nats; None when uncalibrated, or nobody was compared."""
    probability: float | None = None
    """That it is the nearest, and nobody else."""

    @classmethod
    def of(cls, found: Identification) -> Self:
        """The part of an identification that a client wants live."""
        best = found.candidates[0] if found.candidates else None
        return cls(
            name=found.name,
            decision=found.decision,
            reason=found.reason,
            llr=best.llr if best else None,
            probability=best.probability if best else None,
        )

    def to_json(self) -> dict[str, Any]:
        """All of it but the name."""
        return {
            "decision": self.decision,
            "reason": self.reason,
            "llr": _rounded(self.llr),
            "probability": _rounded(self.probability),
        }


LATE: Final = Told(reason=f"it was not known within {1000 * WAIT_S:.0f} ms")
BUSY: Final = Told(reason="the speakers of earlier detections are still being asked for")


@final
class Whose:
    """The loaded speaker models and the store, asked about live audio."""

    def __init__(self, models: Models, store: SpeakerStore) -> None:
        """The model that the store was made with answers, once it is loaded."""
        self._models: Final = models
        self._store: Final = store

    async def ask(self, samples: Samples, *, rate_hz: int) -> Told:
        """Who speaks in [samples]; whatever goes wrong is a reason, and no end of the stream."""
        try:
            async with asyncio.timeout(LATEST_S):
                return await self._asked(Clip(samples, rate_hz))
        except TimeoutError:
            return Told(reason=f"it was not known within {LATEST_S:g} s")
        except Refusal as refusal:
            return Told(reason=refusal.message)
        except Exception as error:  # a fault of the speaker model, and none of the stream's
            FAULTS.error("the speaker of a detection could not be asked for", exc_info=error)
            return Told(reason="the speaker model failed; the server's log says why")

    async def _asked(self, clip: Clip) -> Told:
        digest = await stored(lambda: self._store.model_digest)
        if digest is None:
            return Told(decision="nobody known", reason="nobody is enrolled")
        with ExitStack() as stack:
            running, servable = self._model(digest, stack)
            rate_hz = servable.card.audio.rate_hz
            if clip.rate_hz != rate_hz:
                clip = await asyncio.to_thread(audio.resample, clip, rate_hz)
            deadline = asyncio.get_running_loop().time() + LATEST_S
            inputs = {SAMPLES: clip.samples[None]}
            (heard,) = heard_in(await running.run(DEFAULT_SIGNATURE, inputs, deadline=deadline))
            return Told.of(await stored(lambda: servable.model.who(self._store, heard)))

    def _model(self, digest: str, stack: ExitStack) -> tuple[Running, SpeakerServable]:
        """The one whose embeddings the store holds."""
        for running in speaker_models(self._models, stack):
            servable = running.servable
            if isinstance(servable, SpeakerServable) and servable.model.digest == digest:
                return running, servable
        raise not_found(
            f"the model {digest:.12}, which the speakers were enrolled with, is not loaded"
        )


@final
class Naming:
    """The detections of one connection, told with their speakers."""

    def __init__(
        self, whose: Whose, *, tell: Callable[[Message], None], tells_later: bool = False
    ) -> None:
        """`tells_later` sends a message of its own for a speaker who was not known in time."""
        self._whose: Final = whose
        self._tell: Final = tell
        self._tells_later: Final = tells_later
        self._tasks: Final[set[asyncio.Task[None]]] = set()
        self._recent: Recent | None = None

    @classmethod
    def of(
        cls, service: Service, *, tell: Callable[[Message], None], tells_later: bool = False
    ) -> Self | None:
        """None where the server knows no speakers."""
        if service.store is None:
            return None
        whose = Whose(service.catalog, service.store)
        return cls(whose, tell=tell, tells_later=tells_later)

    def begin(self, rate_hz: int) -> None:
        """A stream begins; only what comes at this rate is kept."""
        self._recent = Recent(rate_hz=rate_hz)

    def hear(self, rate_hz: int, data: bytes, *, is_float: bool) -> None:
        """Further samples of the stream, int16 or float32."""
        if self._recent is not None and self._recent.rate_hz == rate_hz:
            self._recent.push(data, is_float=is_float)

    def detected(self, data: Mapping[str, Any], *, time_s: float) -> None:
        """Tell of a detection at a time of the stream, with who spoke, `WAIT_S` later at most."""
        if self._recent is None or len(self._tasks) >= MOST_ASKED:
            self._say(data, BUSY)
            return
        samples, rate_hz = self._recent.until(time_s), self._recent.rate_hz
        task = asyncio.ensure_future(self._named(data, samples, rate_hz))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def settled(self) -> None:
        """Wait until everything was told, also what comes late."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    def close(self) -> None:
        """The stream is over: what still waits for its speaker is told without."""
        for task in self._tasks:
            task.cancel()
        self._recent = None

    async def _named(self, data: Mapping[str, Any], samples: Samples, rate_hz: int) -> None:
        asking = asyncio.ensure_future(self._whose.ask(samples, rate_hz=rate_hz))
        try:
            told = await self._in_time(data, asking)
            if told is LATE and self._tells_later:
                self._tell(_later(data, await asking))
        finally:
            asking.cancel()

    async def _in_time(self, data: Mapping[str, Any], asking: asyncio.Future[Told]) -> Told:
        told = LATE
        try:
            done, _ = await asyncio.wait((asking,), timeout=WAIT_S)
            if done:
                told = asking.result()
        finally:
            # Also where the stream ends meanwhile: what was detected is told.
            self._say(data, told)
        return told

    def _say(self, data: Mapping[str, Any], told: Told) -> None:
        context = {**data["context"], "speaker": told.to_json()}
        said = {**data, "speaker": told.name, "context": context}
        self._tell(Message(type=DETECTION, data=said))


def _later(data: Mapping[str, Any], told: Told) -> Message:
    """Which detection it was, and who said it."""
    which = {key: data[key] for key in ("name", "timestamp")}
    return Message(type=SPEAKER, data={**which, "speaker": told.name, **told.to_json()})


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
