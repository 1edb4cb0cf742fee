"""One model listening on one connection: its stream in the hub, and its way of deciding.

A decision costs more than a step of a small network, and hardly any frame of speech concerns a
keyword. So answers in which every keyword stays below its release are laid aside, and decided on
together with the next that matter, or after a while; what is told, and when, is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, final

import numpy as np

from sonant.runtime.decision import Decider, Decision, Event
from sonant.runtime.session import Probabilities, StreamGraph
from sonant.serving.running import Running
from sonant.serving.streams.hub import Hubs

ASIDE: Final = 128
"""Frames that are laid aside at most."""


@final
class Watch:
    """Events of a live stream, as `Decider` finds them, at a fraction of its cost in silence."""

    def __init__(self, graph: StreamGraph, decision: Decision, *, after: int = 0) -> None:
        """Begin after so many frames of the stream; what came before is taken for silence."""
        labels = graph.card.labels
        self._decider: Final = Decider(
            decision,
            labels=labels,
            hop_s=graph.hop_s,
            first_s=graph.first_s + after * graph.hop_s,
        )
        keywords = [label for label in labels if label not in decision.background]
        levels = (min(decision.release, decision.threshold_of(label)) for label in keywords)
        self._release: Final = min(levels, default=1.0)
        self._span: Final = decision.smoothing(graph.hop_s)
        self._calm = self._span
        """Frames in a row, to the last, in which nothing reached the release."""
        self._aside: Final = np.zeros((ASIDE, len(labels)), np.float32)
        self._count = 0

    def push(self, answers: Probabilities, peak: float) -> list[Event]:
        """Further answers [frames, labels], of which none to a keyword is above `peak`."""
        count = len(answers)
        if not peak < self._release:
            self._calm = 0
        elif self._calm >= self._span and count <= ASIDE:
            # The mean over a span of frames below the release is below it: nothing can begin.
            if self._count + count > ASIDE:
                self._settle()
            self._aside[self._count : self._count + count] = answers
            self._count += count
            return []
        else:
            self._calm += count
        self._settle()
        return self._decider.push(answers)

    def _settle(self) -> None:
        if self._count:
            self._decider.push(self._aside[: self._count])
            self._count = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A model to listen with, and what its detections are called."""

    running: Running
    called: Mapping[str, str]
    """Keyword -> the name of its detections; others are not told."""


@final
class Ear:
    """One model on one connection, from `audio-start` to `audio-stop`."""

    def __init__(
        self,
        choice: Choice,
        decision: Decision,
        *,
        hubs: Hubs,
        on_event: Callable[[Ear, Event], None],
        on_answers: Callable[[Ear, Probabilities], None],
        on_failure: Callable[[Exception], None],
    ) -> None:
        """Raises `Refusal` where the model does not stream, or all streams are taken."""
        self.choice: Final = choice
        self.hub: Final = hubs.of(choice.running)
        self.graph: Final = self.hub.arena.graph
        self.frames = 0
        """Answers so far."""
        self._watch = Watch(self.graph, decision)
        self._on_event = on_event
        self._on_answers = on_answers
        self.wants_answers = False
        """Whether `on_answers` is called, too."""
        self.stream: Final = self.hub.open(self._hear, on_failure=on_failure)

    def decide(self, decision: Decision) -> None:
        """From the next answer on by these settings; smoothing begins anew."""
        self._watch = Watch(self.graph, decision, after=self.frames)

    @property
    def last_ms(self) -> int:
        """The time of the sound that the last answer speaks of."""
        seconds = self.graph.first_s + (self.frames - 1) * self.graph.hop_s
        return round(seconds * 1000)

    def _hear(self, answers: Probabilities, peak: float) -> None:
        events = self._watch.push(answers, peak)
        self.frames += len(answers)
        for event in events:
            if event.label in self.choice.called:
                self._on_event(self, event)
        if self.wants_answers:
            self._on_answers(self, answers)
