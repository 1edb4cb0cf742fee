"""Who speaks in a live stream: told again and again while speech accumulates, and anew after a pause."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Final, final

import numpy as np

from sonant.audio import Samples, from_pcm16, to_pcm16
from sonant.errors import AudioError, StoreError
from sonant.speakers import gates
from sonant.speakers.model import TOP, SpeakerModel
from sonant.speakers.store import SpeakerStore
from sonant.speakers.verdict import Heard, Identification

EVERY_S: Final = 0.5
"""From one answer to the next while somebody speaks."""
PAUSE_S: Final = 1.0
"""So long without speech ends an utterance: what follows may be somebody else."""
LONGEST_S: Final = 30.0
"""An utterance ends here even without a pause, so that memory and work stay bounded."""
SPEECH_S: Final = 0.1
"""Seconds of speech in the last `PAUSE_S` from which on somebody speaks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What is known of a speaker at one moment of the stream."""

    start_s: float
    """Where in the stream the utterance begins."""
    end_s: float
    """Up to where it was heard."""
    is_last: bool
    """Whether it is over: a pause came, or the end of the stream."""
    found: Identification
    """By all of the utterance so far."""

    def to_json(self) -> dict[str, Any]:
        """One flat object."""
        found = asdict(self.found)
        best = found["candidates"][0] if found["candidates"] else {"llr": None, "probability": None}
        return {
            "start_s": round(self.start_s, 3),
            "end_s": round(self.end_s, 3),
            "is_last": self.is_last,
            **{name: found[name] for name in ("decision", "name", "reason", "speech_s", "snr_db")},
            **{name: best[name] for name in ("llr", "probability")},
            "candidates": found["candidates"],
        }


@final
class Following:
    """One stream, held against a store of enrolled speakers as it comes."""

    def __init__(
        self,
        model: SpeakerModel,
        store: SpeakerStore,
        *,
        every_s: float = EVERY_S,
        pause_s: float = PAUSE_S,
        longest_s: float = LONGEST_S,
        top: int = TOP,
    ) -> None:
        """An answer `every_s` seconds, by an utterance that a pause of `pause_s` ends.

        Raises `StoreError` where the store is of another model.
        """
        if store.model_digest not in (None, model.digest):
            raise StoreError(
                f"{store.where}: was made with the model {store.model_digest!s:.12}, not with "
                f"{model.digest:.12}; name that bundle, or enrol with this one into another store"
            )
        self._model: Final = model
        self._store: Final = store
        self._top: Final = top
        rate_hz = model.rate_hz
        self._tick: Final = max(1, round(every_s * rate_hz))
        self._pause: Final = max(1, round(pause_s * rate_hz))
        self._longest: Final = max(self._pause, round(longest_s * rate_hz))
        self._growing: Final = model.growing()
        self._inbox = np.zeros(0, np.float32)
        self._past = np.zeros(0, np.float32)
        """The last `pause_s`."""
        self._said = np.zeros(0, np.float32)
        """The utterance; empty while nobody speaks."""
        self._last: Moment | None = None
        self._heard = 0

    @property
    def seconds(self) -> float:
        """Length of all that was pushed."""
        return (self._heard + len(self._inbox)) / self._model.rate_hz

    def push(self, samples: Samples) -> list[Moment]:
        """Hear any number of further [samples] at the model's rate; what is known after each step.

        Raises `AudioError` for samples that are no numbers, `StoreError` where the store fails.
        """
        if not np.isfinite(samples).all():
            raise AudioError(
                f"at {self.seconds:.1f} s: the stream holds samples that are not numbers"
            )
        # As files are read: in the 16 bits of training.
        self._inbox = np.concatenate([self._inbox, from_pcm16(to_pcm16(samples))])
        moments: list[Moment] = []
        while len(self._inbox) >= self._tick:
            step, self._inbox = self._inbox[: self._tick], self._inbox[self._tick :]
            moments += self._hear(step)
        return moments

    def finish(self) -> list[Moment]:
        """The stream is over: what is known of its end."""
        step, self._inbox = self._inbox, self._inbox[:0]
        return [*(self._hear(step) if len(step) else ()), *self._over()]

    def _hear(self, step: Samples) -> list[Moment]:
        self._heard += len(step)
        self._past = np.concatenate([self._past, step])[-self._pause :]
        if gates.measure(self._past, self._model.rate_hz).speech_s < SPEECH_S:
            return self._over()
        if len(self._said):
            self._grow(step)
        else:
            # What came just before belongs to it: nobody begins in the middle of a sound.
            self._growing.reset()
            self._grow(self._past)
        self._last = self._moment()
        return self._over() if len(self._said) >= self._longest else [self._last]

    def _grow(self, samples: Samples) -> None:
        self._said = np.concatenate([self._said, samples])
        self._growing.push(samples)

    def _moment(self) -> Moment:
        quality = gates.measure(self._said, self._model.rate_hz)
        heard = Heard(embedding=self._growing.embedding(), quality=quality)
        start = self._heard - len(self._said)
        return Moment(
            start_s=start / self._model.rate_hz,
            end_s=self._heard / self._model.rate_hz,
            is_last=False,
            found=self._model.who(self._store, heard, top=self._top),
        )

    def _over(self) -> list[Moment]:
        """End the utterance, if there is one: what was known last is what is known."""
        last, self._last = self._last, None
        self._said = self._said[:0]
        return [replace(last, is_last=True)] if last else []
