"""One evaluation on streams under way: what is asked of which audio, and what is stored of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from sonant.alarms import Occurrence
from sonant.audio import Samples
from sonant.card import Card
from sonant.card.revision import revise
from sonant.data.recordings import Recordings, read_noise
from sonant.detection import long_audio, operating
from sonant.detection.counting import Asked, Counts, Sound, condition, count
from sonant.detection.forms import compare, item_of
from sonant.detection.long_audio import Long
from sonant.detection.stitching import Stitching, stitch
from sonant.errors import BundleError, ManifestError
from sonant.events import OnEvent, Working
from sonant.listening import decision_of, is_tuned
from sonant.manifest import Item
from sonant.runtime.session import StreamGraph
from sonant.scoring import Report
from sonant.tally import Condition, StreamReport

SNRS_DB: Final = (20.0, 10.0, 0.0)
"""Of stitched recordings, unless told."""
VALIDATION: Final = "validation"
"""The split a threshold is chosen on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """What events are looked for in."""

    background: Path | None = None
    """Noise that clips are laid into; none is digital silence."""
    snrs_db: tuple[float, ...] = SNRS_DB
    """Levels of the clips over it, each a condition of its own."""
    long: Path | None = None
    """Long recordings: a file, a folder or a table."""
    per_hour: float | None = None
    """False alarms an hour to choose a threshold for; None reports on the present one."""

    def __post_init__(self) -> None:
        operating.checked(self.per_hour)
        if not self.snrs_db:
            raise ManifestError("--snr: want at least one level in decibels, as in 20,10,0")

    @property
    def middle_db(self) -> float:
        """The level a threshold is chosen at."""
        return sorted(self.snrs_db)[len(self.snrs_db) // 2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """One evaluation under way."""

    graph: StreamGraph
    listening: Listening
    held_out: Sequence[Item]
    """Clips that a threshold may be chosen on."""
    noise: Recordings | None
    """What clips are laid into."""
    recordings: Sequence[Long]
    """Long ones."""
    seed: int
    tell: OnEvent

    @staticmethod
    def about(
        graph: StreamGraph, listening: Listening, held_out: Sequence[Item], *, tell: OnEvent
    ) -> Asking:
        """Look at all that is needed, so that what is missing is said before hours of work."""
        card, noise = graph.card, None
        recordings: Sequence[Long] = ()
        if listening.background is not None:
            noise = read_noise(str(listening.background), rate_hz=card.audio.rate_hz)
        if listening.long is not None:
            recordings = long_audio.find(listening.long, keywords=_keywords(card))
        if listening.per_hour is not None:
            _can_choose(card, held_out)
            if recordings:
                long_audio.halves(recordings)
        return Asking(
            graph=graph,
            listening=listening,
            held_out=held_out,
            noise=noise,
            recordings=recordings,
            seed=int(card.recipe["seed"]),
            tell=tell,
        )

    def report(self, whole: Report) -> StreamReport:
        """All there is to find."""
        card, listening = self.graph.card, self.listening
        forms = compare(self.graph, whole, seed=self.seed, on_event=self.tell)
        base = decision_of(card)
        question, recordings, notes = operating.asked(base), self.recordings, []
        if self.noise is None:
            notes.append("no --background: the clips stand in digital silence, at no SNR")
        chosen_on: dict[str, Any] = {}
        if listening.per_hour is not None:
            question, recordings, chosen_on = self._chosen(question)
            if not chosen_on:
                notes.append(
                    f"no threshold has {listening.per_hour:g} false alarms an hour or fewer on the "
                    f"validation data and still hears a keyword; none was stored, and figures are for "
                    f"the present one, {base.threshold:g}. Train with more speech that says none of them"
                )
        elif not is_tuned(card):
            notes.append(
                f"no operating point in this bundle: figures are for the threshold "
                f"{base.threshold:g}; --false-alarms-per-hour N chooses one"
            )
        items = [item_of(row) for row in whole.scored if not row.error]
        stitched = tuple(
            self._condition(
                self._count(items, question, snr_db=snr_db, what="stitched"),
                question,
                name=_name(snr_db),
            )
            for snr_db in (listening.snrs_db if self.noise is not None else (None,))
        )
        counted = self._long(recordings, question) if recordings else None
        long = None
        if counted is not None:
            long = self._condition(counted, question, name="long recordings")
        found = StreamReport(
            whole=whole,
            forms=forms,
            decision=question.decisions[-1].to_dict(),
            stitched=stitched,
            long=long,
            notes=tuple(notes),
            unreadable=(*whole.unreadable, *(counted.unreadable if counted else ())),
        )
        return self._stored(found, question, chosen_on) if chosen_on else found

    def _chosen(self, question: Asked) -> tuple[Asked, Sequence[Long], dict[str, Any]]:
        """The question about the chosen threshold, the recordings left to report on, and where from."""
        per_hour, recordings = self.listening.per_hour, self.recordings
        assert per_hour is not None
        # Rejects need clips, false alarms need hours; long audio has more of them where it is given.
        snr_db = None if self.noise is None else self.listening.middle_db
        clips = self._count(self.held_out, question, snr_db=snr_db, what="choosing")
        alarms, where = clips, _name(snr_db)
        if recordings:
            half, recordings = long_audio.halves(recordings)
            alarms = self._long(half, question, what="choosing on long recordings")
            where = "every second long recording"
        number = operating.lowest(alarms, thresholds=len(question.decisions) - 1, per_hour=per_hour)
        # What hears nothing any more has no false alarms either, and is of no use to anybody.
        if number is None or clips.rejects(number).share >= 1.0:
            return question, recordings, {}
        chosen_on = {
            "split": VALIDATION,
            "false_alarms": {**alarms.rate(number).to_json(), "on": where},
            "false_rejects": {**clips.rejects(number).to_json(), "on": _name(snr_db)},
        }
        return operating.settled(question, number), recordings, chosen_on

    def _stored(
        self, found: StreamReport, question: Asked, chosen_on: dict[str, Any]
    ) -> StreamReport:
        """The report with its operating point, which a next version of the bundle holds from now on."""
        per_hour = self.listening.per_hour
        assert per_hour is not None
        middle = found.stitched[len(found.stitched) // 2]
        if len(found.stitched) > 1:
            name = _name(self.listening.middle_db)
            middle = next(one for one in found.stitched if one.name == name)
        alarms = found.long or middle
        point = operating.point(
            question.decisions[-1],
            per_hour=per_hour,
            alarms=alarms,
            rejects=middle,
            chosen_on=chosen_on,
        )
        written = revise(self.graph.card, files={}, changes={"operating_point": point})
        note = operating.too_short(alarms.at.false_alarms, per_hour)
        return replace(
            found,
            point=point,
            written=str(written),
            notes=(*found.notes, *([note] if note else [])),
        )

    def _condition(self, counts: Counts, question: Asked, *, name: str) -> Condition:
        return condition(counts, question, name=name, labels=self.graph.card.labels)

    def _count(
        self,
        items: Sequence[Item],
        question: Asked,
        *,
        snr_db: float | None,
        what: str,
    ) -> Counts:
        """Clips laid into noise, or into silence where there is none."""
        keywords = _keywords(self.graph.card)
        settings = Stitching(
            rate_hz=self.graph.card.audio.rate_hz, snr_db=snr_db or 0.0, seed=self.seed
        )
        recordings = stitch(
            items,
            keywords=keywords,
            background=self.noise,
            stitching=settings,
            skip_unreadable=True,
        )
        told = sum(item.label in keywords for item in items)
        return self._counted(
            (_sound(each.name, each.samples, each.occurrences) for each in recordings),
            question,
            what=f"{what}, {_name(snr_db)}",
            total=told,
        )

    def _long(
        self, recordings: Sequence[Long], question: Asked, *, what: str = "long recordings"
    ) -> Counts:
        rate_hz = self.graph.card.audio.rate_hz
        sounds = long_audio.sounds(recordings, rate_hz=rate_hz)
        return self._counted(sounds, question, what=what, total=len(recordings), each=True)

    def _counted(
        self,
        sounds: Iterator[Sound],
        question: Asked,
        *,
        what: str,
        total: int,
        each: bool = False,
    ) -> Counts:
        done = 0

        def tell(sound: Sound) -> None:
            nonlocal done
            done += 1 if each else len(sound.occurrences)
            self.tell(Working(what=what, done=done, total=total))

        return count(sounds, self.graph, question, on_done=tell)


def _can_choose(card: Card, held_out: Sequence[Item]) -> None:
    """There is something to choose a threshold on, and a place to store it."""
    if not held_out:
        raise ManifestError(
            "--false-alarms-per-hour: the data has no validation clips that the report does not "
            "use itself; give data with train, validation and test"
        )
    if card.path.name != str(card.version):
        raise BundleError(
            f"{card.path}: is not in a folder {card.name}/{card.version}/, so a next version with the "
            f"threshold has no place beside it; copy it to such a folder first"
        )


def _keywords(card: Card) -> frozenset[str]:
    return frozenset(card.labels) - set(decision_of(card).background)


def _sound(name: str, samples: Samples, occurrences: tuple[Occurrence, ...]) -> Sound:
    def opened() -> AbstractContextManager[list[Samples]]:
        return nullcontext([samples])

    return Sound(name=name, open=opened, occurrences=occurrences)


def _name(snr_db: float | None) -> str:
    return "clips in silence" if snr_db is None else f"clips at {snr_db:g} dB SNR"
