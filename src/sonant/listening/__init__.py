"""What `sonant listen` does: sound from anywhere, in any length, to events as they happen; no torch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, final

import numpy as np

from sonant.audio import Samples
from sonant.card import Card, find
from sonant.errors import AudioError, BundleError
from sonant.listening.sources import Source
from sonant.runtime.decision import SETTINGS, Decider, Decision, Event
from sonant.runtime.session import Probabilities, StreamGraph

UNTUNED: Final = Decision(threshold=0.5, release=0.4, smoothing_ms=100.0, refractory_ms=500.0)
"""For a bundle without an operating point: nobody has measured its false alarms yet."""
SILENCE_DB: Final = -90.0
"""Level of digital silence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frames:
    """The answers to a block, for whoever draws them."""

    first_s: float
    """Stream time of the first answer."""
    hop_s: float
    """From one to the next."""
    probabilities: Probabilities
    """[frames, labels]; often no frame."""
    level_db: float
    """Root mean square of the block against full scale."""
    heard_s: float
    """Length of all that was heard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What came of listening."""

    seconds: float
    """Of sound."""
    events: Mapping[str, int] = field(default_factory=dict)
    """Label -> how often."""
    stopped: bool = False
    """Whether the user stopped it."""

    @property
    def count(self) -> int:
        """All events together."""
        return sum(self.events.values())


@final
class Listener:
    """A bundle that listens: its step graph, its way of deciding, one stream."""

    def __init__(self, card: Card, *, decision: Decision | None = None) -> None:
        """Open the step graph; without a `decision`, decide by the card's operating point.

        Raises `BundleError` where the bundle does not stream, knows no words, or its operating point is
        damaged, and `RecipeError` where a threshold is of no label of it.
        """
        if not card.labels:
            raise BundleError(
                f"{card.path}: knows voices and no words; to hear who speaks: "
                f"sonant speaker listen SOURCE --model {card.path}"
            )
        self.card: Final = card
        self.graph: Final = StreamGraph(card)
        self.decision: Final = decision_of(card) if decision is None else decision
        self._session: Final = self.graph.open()
        self._decider: Final = Decider(
            self.decision, labels=card.labels, hop_s=self.graph.hop_s, first_s=self.graph.first_s
        )

    @classmethod
    def load(cls, path: Path | str, *, threshold: float | None = None) -> Listener:
        """From a bundle or the run it came from; `threshold` stands in for that of every label."""
        card = Card.read(find(Path(path)))
        decision = decision_of(card)
        if threshold is not None:
            decision = replace(decision, threshold=threshold, thresholds=())
        return cls(card, decision=decision)

    def listen(
        self,
        source: Source,
        *,
        on_event: Callable[[Event], None],
        on_frames: Callable[[Frames], None] | None = None,
    ) -> Heard:
        """Hear a source to its end, or until Ctrl-C; events are told the moment they fire.

        Raises `AudioError` naming the source and the second where it cannot be read.
        """
        self._session.reset()
        self._decider.reset()
        counts: Counter[str] = Counter()
        stopped = False

        def hear(samples: Samples | None) -> None:
            first_s = self._session.next_s
            answers = self._answers(samples, source)
            for event in self._decider.push(answers):
                counts[event.label] += 1
                on_event(event)
            if on_frames is not None:
                on_frames(self._frames(samples, answers, first_s))

        try:
            for block in source.at(self.card.audio.rate_hz):
                hear(block)
            seconds = self._session.seconds
            hear(None)
        except KeyboardInterrupt:
            seconds, stopped = self._session.seconds, True
        return Heard(seconds=seconds, events=dict(counts), stopped=stopped)

    def _answers(self, samples: Samples | None, source: Source) -> Probabilities:
        if samples is None:
            return self._session.finish()
        try:
            return self._session.push(samples)
        except AudioError as error:
            raise AudioError(f"{source.name}, at {self._session.seconds:.1f} s: {error}") from error

    def _frames(self, samples: Samples | None, answers: Probabilities, first_s: float) -> Frames:
        return Frames(
            first_s=first_s,
            hop_s=self.graph.hop_s,
            probabilities=answers,
            level_db=level_db(samples) if samples is not None else SILENCE_DB,
            heard_s=self._session.seconds,
        )


def decision_of(card: Card) -> Decision:
    """How a bundle was told to decide, or `UNTUNED`; raises `BundleError` where that is damaged."""
    return Decision.from_point(card.operating_point) if is_tuned(card) else UNTUNED


def is_tuned(card: Card) -> bool:
    """Whether thresholds were chosen for this bundle."""
    return SETTINGS in (card.operating_point or {})


def level_db(samples: Samples) -> float:
    """Root mean square against full scale, in decibels."""
    mean_square = float(np.square(samples).mean()) if len(samples) else 0.0
    return max(SILENCE_DB, 10 * float(np.log10(max(mean_square, 1e-20))))
