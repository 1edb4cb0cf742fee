"""What is said on one connection, and what is answered; it knows of no transport.

The transport hands over each message with `take`, and awaits it: that is how a client that sends
faster than its models hear is held back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, Final, TypeAlias, final

import numpy as np

from sonant.listening import decision_of, level_db
from sonant.runtime.decision import Decision, Event
from sonant.runtime.session import Probabilities, StreamGraph
from sonant.serving.status import invalid
from sonant.serving.streams import messages
from sonant.serving.streams.connection import Connection
from sonant.serving.streams.ear import Choice, Ear
from sonant.serving.streams.hub import Hubs, graph_of
from sonant.serving.streams.intake import Format, Intake
from sonant.serving.streams.messages import Message
from sonant.serving.streams.meter import Meter
from sonant.serving.streams.settings import UNSAID, Settings, settings_of, to_json
from sonant.serving.streams.voice import Voice
from sonant.serving.streams.whose import Naming

Choose: TypeAlias = Callable[[Sequence[str], ExitStack], Sequence[Choice]]
"""Names of `detect` -> models to listen with, held by the stack; raises `Refusal`."""


@final
class Conversation:
    """One client, from its first message to its last."""

    def __init__(
        self,
        connection: Connection,
        *,
        hubs: Hubs,
        choose: Choose,
        format: Format | None = None,
        naming: Naming | None = None,
    ) -> None:
        """`format` is that of samples that come without a word; None: 16-bit mono at the model's rate.

        `naming` tells of detections with who spoke; None: nobody is known here.
        """
        self._connection: Final = connection
        self._hubs: Final = hubs
        self._choose: Final = choose
        self._format = format
        self._naming = naming
        self._settings: Settings = UNSAID
        self._names: tuple[str, ...] = ()
        self._held = ExitStack()
        self._ears: list[Ear] = []
        self._intakes: dict[int, Intake] = {}
        """The model's rate -> how samples come to it."""
        self._meters: dict[Ear, Meter] = {}
        self._voice: Voice | None = None
        self._level_db = 0.0
        self._since_ms: int | None = None
        """The client's time at which the stream began."""
        self._said: tuple[object, ...] = ()
        """The format that the last chunk named."""
        self.detections = 0
        """In this stream."""

    @property
    def listens(self) -> bool:
        """Whether a stream is open."""
        return bool(self._ears)

    async def take(self, message: Message) -> None:
        """Do what a message says; raises `Refusal` for what cannot be done. Unknown ones are left out."""
        kind = message.type
        if kind == messages.AUDIO_CHUNK:
            if message.data:
                self._begin_or_go_on(message.data)
            await self.hear(message.payload)
        elif kind == messages.AUDIO_START:
            self._restart(message.data)
        elif kind == messages.AUDIO_STOP:
            await self.finish()
        elif kind == messages.DETECT:
            await self._detect(message.data)
        elif kind == messages.PING:
            text = message.data.get("text")
            said = {"text": text if isinstance(text, str) else None}
            self._connection.tell(Message(type=messages.PONG, data=said))

    async def hear(self, data: bytes) -> None:
        """Samples in the format that was said; the stream begins with them, if it has not."""
        if not self._ears:
            self._open()
        for rate_hz, intake in self._intakes.items():
            # By the second, so that no inbox has to take more.
            size = intake.format.second_bytes
            for start in range(0, len(data), size):
                part = data if len(data) <= size else data[start : start + size]
                self._push(rate_hz, intake.hear(part), is_float=intake.is_float)
                for ear in self._ears:
                    if ear.stream.is_full:
                        await ear.stream.room()

    async def finish(self) -> None:
        """The sound is over: give all answers that are owed, and say so where nothing was detected."""
        for rate_hz, intake in self._intakes.items():
            self._push(rate_hz, intake.finish(), is_float=True)
        for ear in self._ears:
            await ear.stream.finish()
        if self._naming is not None:
            await self._naming.settled()
        if self._voice is not None and self._voice.speaks and self._ears:
            self._tell(messages.VOICE_STOPPED, {"timestamp": self._at(self._ears[0].last_ms)})
        if not self.detections:
            self._tell(messages.NOT_DETECTED, {})
        self.close()

    def close(self) -> None:
        """End the stream and let go of the models."""
        for ear in self._ears:
            ear.stream.close()
        self._ears.clear()
        self._intakes.clear()
        self._meters.clear()
        if self._naming is not None:
            self._naming.close()
        self._held.close()
        self._since_ms = None
        self._said = ()
        self.detections = 0

    def settings_json(self, graph: StreamGraph) -> Mapping[str, Any]:
        """The settings in force for a model, for `info`."""
        return to_json(self._decision(graph), self._settings, hop_s=graph.hop_s)

    async def _detect(self, data: Mapping[str, Any]) -> None:
        """From the sound that follows on, listen otherwise."""
        settings, names = settings_of(data), messages.names(data, "names")
        with ExitStack() as probe:
            # Whatever cannot be done is refused now, and not when somebody speaks.
            cards = [graph_of(choice.running).card for choice in self._choose(names, probe)]
            for card in cards:
                settings.decision(decision_of(card), card.labels)
            known = {label for card in cards for label in card.labels}
            if strange := sorted(settings.thresholds.keys() - known):
                raise invalid(f"thresholds: {strange[0]:.50} is no label of {sorted(known)}")
        for ear in self._ears:
            await ear.stream.answered()
        changed = names != self._names
        self._settings, self._names = settings, names
        if self._ears and changed:
            formats = next(iter(self._intakes.values())).format
            self.close()
            self._open(formats)
        for ear in self._ears:
            ear.decide(self._decision(ear.graph))
            self._attach(ear)

    def _restart(self, data: Mapping[str, Any]) -> None:
        self.close()
        self._open(self._told(data))
        self._mark(data)

    def _begin_or_go_on(self, data: Mapping[str, Any]) -> None:
        """Wyoming says the format with every chunk: it may change, and `audio-start` may be left out."""
        if not self._ears:
            self._open(self._told(data))
        self._mark(data)
        said = tuple(data.get(key) for key in ("rate", "width", "channels", "format"))
        if said == self._said:
            return
        self._said = said
        for rate_hz, intake in self._intakes.items():
            told = intake.format.told(data)
            if told != intake.format:
                self._intakes[rate_hz] = Intake(told, rate_hz=rate_hz)

    def _mark(self, data: Mapping[str, Any]) -> None:
        """Times are the client's, where it says any."""
        if self._since_ms is None and data.get("timestamp") is not None:
            self._since_ms = round(messages.number(data, "timestamp", 0.0))

    def _told(self, data: Mapping[str, Any]) -> Format | None:
        if self._format is None and "rate" not in data:
            return None
        return (self._format or Format(rate_hz=messages.whole(data, "rate", 0))).told(data)

    def _open(self, format: Format | None = None) -> None:
        """Begin to listen with every chosen model, from silence."""
        try:
            for choice in self._choose(self._names, self._held):
                self._ears.append(self._ear(choice))
        except BaseException:
            self.close()
            raise
        if self._naming is not None and self._ears:
            self._naming.begin(self._ears[0].graph.card.audio.rate_hz)
        for ear in self._ears:
            rate_hz = ear.graph.card.audio.rate_hz
            given = format or self._format or Format(rate_hz=rate_hz)
            self._intakes.setdefault(rate_hz, Intake(given, rate_hz=rate_hz))
            self._attach(ear)

    def _ear(self, choice: Choice) -> Ear:
        return Ear(
            choice,
            self._decision(graph_of(choice.running)),
            hubs=self._hubs,
            on_event=self._detected,
            on_answers=self._answered,
            on_failure=self._connection.fail,
        )

    def _decision(self, graph: StreamGraph) -> Decision:
        return self._settings.decision(decision_of(graph.card), graph.card.labels)

    def _attach(self, ear: Ear) -> None:
        """What else is told of the first model, for meters."""
        if ear is not self._ears[0]:
            return
        settings, graph = self._settings, ear.graph
        labels = graph.card.labels
        self._voice = Voice(labels, hop_s=graph.hop_s) if settings.voice else None
        self._meters.clear()
        if settings.partials_hz:
            self._meters[ear] = Meter(
                self._decision(graph),
                labels=len(labels),
                hop_s=graph.hop_s,
                hz=settings.partials_hz,
            )
        ear.wants_answers = bool(self._meters) or self._voice is not None

    def _push(self, rate_hz: int, samples: bytes, *, is_float: bool) -> None:
        if not samples:
            return
        if self._meters:
            kind, scale = ("<f4", 1.0) if is_float else ("<i2", 2.0**-15)
            self._level_db = level_db(np.frombuffer(samples, kind).astype(np.float32) * scale)
        if self._naming is not None:
            self._naming.hear(rate_hz, samples, is_float=is_float)
        for ear in self._ears:
            if ear.graph.card.audio.rate_hz == rate_hz:
                ear.stream.push(samples, is_float=is_float)

    def _detected(self, ear: Ear, event: Event) -> None:
        self.detections += 1
        running = ear.choice.running
        data = {
            "name": ear.choice.called[event.label],
            "timestamp": self._at(event.time_s * 1000),
            "speaker": None,
            "score": round(event.score, 4),
            "start": self._at(event.start_s * 1000),
            "end": self._at(event.end_s * 1000),
            "context": {
                "model": running.name,
                "version": running.version,
                "label": event.label,
                "score": round(event.score, 4),
            },
        }
        if self._naming is not None:
            self._naming.detected(data, time_s=event.time_s)
        else:
            self._tell(messages.DETECTION, data)

    def _answered(self, ear: Ear, answers: Probabilities) -> None:
        timestamp = self._at(ear.last_ms)
        if self._voice is not None and (began := self._voice.push(answers)) is not None:
            kind = messages.VOICE_STARTED if began else messages.VOICE_STOPPED
            self._tell(kind, {"timestamp": timestamp})
        meter = self._meters.get(ear)
        if meter is not None and (scores := meter.push(answers)) is not None:
            data = {
                "timestamp": timestamp,
                "scores": scores,
                "level_db": round(self._level_db, 1),
            }
            self._connection.show(Message(type=messages.SCORES, data=data))

    def _at(self, time_ms: float) -> int:
        return max(0, round(time_ms)) + (self._since_ms or 0)

    def _tell(self, kind: str, data: Mapping[str, Any]) -> None:
        self._connection.tell(Message(type=kind, data=data))
