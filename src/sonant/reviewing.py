"""What `sonant review` does: events of long audio as clips, named by a person, for the next training."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal, final

import numpy as np

from sonant import audio
from sonant.alarms import match
from sonant.card import Card, find
from sonant.detection import long_audio
from sonant.detection.counting import TOLERANCE_S
from sonant.detection.long_audio import Long
from sonant.detection.sweeping import Smoother
from sonant.errors import AudioError, MissingExtra
from sonant.events import OnEvent, Working, silent
from sonant.listening import decision_of
from sonant.listening.sources import from_file
from sonant.manifest import Item, Manifest
from sonant.runtime.decision import Decider, Event
from sonant.runtime.session import StreamGraph

Kind = Literal["event", "false alarm", "miss"]
UNKNOWN: Final = "_unknown_"
SILENCE: Final = "_silence_"
TAKEN: Final = "uspq"
"""Letters with a meaning of their own."""
KEYS: Final = "123456789" + "".join(
    letter for letter in "abcdefghijklmnopqrstuvwxyz" if letter not in TAKEN
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A stretch of long audio that somebody should listen to."""

    kind: Kind
    """`event` where nobody has said what is right."""
    label: str
    """What was heard; of a miss, what was said."""
    score: float
    """The highest of the burst; of a miss, the highest of its label while it was said."""
    time_s: float
    """When it was told; of a miss, where it ends."""
    path: Path
    """The long recording."""
    start_s: float
    """First second of the clip in it; as long as the clips the bundle was trained on."""
    end_s: float
    """Last second of the clip in it."""
    clip: Path = Path()
    """The clip as a file of its own."""

    def to_json(self) -> dict[str, Any]:
        """What `sonant review --json` prints."""
        return {
            "kind": self.kind,
            "label": self.label,
            "score": self.score,
            "time_s": self.time_s,
            "path": str(self.path),
            "start_s": self.start_s,
            "end_s": self.end_s,
            "clip": str(self.clip),
        }


def findings(
    bundle: Path | str,
    where: Path,
    *,
    table: Path | None = None,
    on_event: OnEvent = silent,
) -> Iterator[Finding]:
    """Stream the recordings of `where`, each in bounded memory, and give what is worth hearing.

    With a table of what is really said (or one in the folder), these are false alarms and misses;
    without one, all events. In each recording they come in the order of time.
    """
    graph = StreamGraph(Card.read(find(Path(bundle))))
    card = graph.card
    keywords = frozenset(card.labels) - set(decision_of(card).background)
    recordings = long_audio.find(where, keywords=keywords, table=table)
    # Without a single occurrence nobody can say which event is right.
    is_known = table is not None or any(recording.occurrences for recording in recordings)
    for number, recording in enumerate(recordings, start=1):
        yield from sorted(
            _in_recording(graph, recording, is_known=is_known), key=lambda one: one.time_s
        )
        on_event(Working(what="listening", done=number, total=len(recordings)))


def cut(found: Finding, folder: Path, *, rate_hz: int) -> Finding:
    """The same finding with its clip written as WAV, unless it is there already.

    Raises `AudioError` where it can be neither read nor written.
    """
    milliseconds = round(1000 * found.start_s)
    clip = folder / f"{found.path.stem}-{milliseconds:08d}-{found.label.strip('_')}.wav"
    if not clip.exists():
        folder.mkdir(parents=True, exist_ok=True)
        sound = audio.read(found.path, start_s=found.start_s, end_s=found.end_s)
        audio.write(clip, audio.resample(sound, rate_hz))
    return replace(found, clip=clip)


def keys(labels: Sequence[str]) -> dict[str, str]:
    """Key -> label: digits, then letters, for the keywords; `u` and `s` for what is none of them."""
    keywords = [label for label in labels if label not in (UNKNOWN, SILENCE)]
    return {**dict(zip(KEYS, keywords, strict=False)), "u": UNKNOWN, "s": SILENCE}


def play(clip: Path) -> None:
    """Let a clip be heard; raises `MissingExtra` without sounddevice, `AudioError` without a speaker."""
    try:
        import sounddevice
    except ImportError as error:
        raise MissingExtra("sounddevice", extra="mic", purpose="playing a clip") from error
    except OSError as error:  # the library is there, but not the PortAudio that it drives
        raise AudioError(f"playing a clip needs PortAudio ({error})") from error
    sound = audio.read(clip)
    try:
        sounddevice.play(sound.samples, sound.rate_hz)
    except sounddevice.PortAudioError as error:
        raise AudioError(f"{clip}: cannot be played ({error})") from error


@final
class Answers:
    """A manifest that grows by one row an answer, and remembers how far somebody came."""

    def __init__(self, path: Path) -> None:
        """Read what was answered before; raises `ManifestError` where the file is no manifest."""
        self.path: Final = path
        self.items: list[Item] = list(Manifest.load(path).items) if path.exists() else []

    def add(self, found: Finding, label: str) -> None:
        """Append a row; the file is written whole or not at all."""
        self.items.append(Item(path=found.clip.resolve(), label=label, split="train"))
        self.path.parent.mkdir(parents=True, exist_ok=True)
        Manifest(items=tuple(self.items)).save(self.path)

    def open(self, found: Sequence[Finding]) -> Sequence[Finding]:
        """Those behind the last that was answered: one that was skipped is not asked about again."""
        known = self._known()
        done = [place for place, one in enumerate(found) if one.clip.resolve() in known]
        return found[done[-1] + 1 :] if done else found

    def _known(self) -> Collection[Path]:
        return {item.path.resolve() for item in self.items}


def _in_recording(graph: StreamGraph, recording: Long, *, is_known: bool) -> list[Finding]:
    events, best, seconds = _heard(graph, recording)
    length_s = graph.card.audio.duration_s

    def finding(kind: Kind, label: str, score: float, *, time_s: float, end_s: float) -> Finding:
        last_s = min(max(end_s, length_s), seconds)
        return Finding(
            kind=kind,
            label=label,
            score=score,
            time_s=time_s,
            path=recording.path,
            start_s=max(0.0, last_s - length_s),
            end_s=last_s,
        )

    def of(event: Event, kind: Kind) -> Finding:
        # A burst begins when enough of a word was heard and ends when too little of it is left.
        reach_s = min(event.end_s - event.start_s, length_s) / 2
        end_s = event.start_s + reach_s
        return finding(kind, event.label, event.score, time_s=event.time_s, end_s=end_s)

    if not is_known:
        return [of(event, "event") for event in events]
    matched = match(events, recording.occurrences, tolerance_s=TOLERANCE_S)
    found = [of(events[number], "false alarm") for number in matched.false_alarms]
    for number in matched.misses:
        said = recording.occurrences[number]
        middle_s = (said.start_s + said.end_s + length_s) / 2
        score = float(best[number])
        found.append(finding("miss", said.label, score, time_s=said.end_s, end_s=middle_s))
    return found


def _heard(
    graph: StreamGraph, recording: Long
) -> tuple[list[Event], np.ndarray[Any, np.dtype[np.float64]], float]:
    """Events, the highest score of every occurrence, and the length in seconds."""
    card, session = graph.card, graph.open()
    decision = decision_of(card)
    decider = Decider(
        decision, labels=card.labels, hop_s=graph.hop_s, first_s=graph.first_s, early=False
    )
    smoother = Smoother(decision, hop_s=graph.hop_s)
    best = np.zeros(len(recording.occurrences))
    events: list[Event] = []

    def hear(answers: np.ndarray[Any, np.dtype[np.float32]], first_s: float) -> None:
        events.extend(decider.push(answers))
        if not recording.occurrences or not len(answers):
            return
        scores = smoother.push(answers)
        times = first_s + np.arange(len(scores)) * graph.hop_s
        for number, said in enumerate(recording.occurrences):
            meant = (times >= said.start_s) & (times <= said.end_s + TOLERANCE_S)
            column = scores[meant, card.labels.index(said.label)]
            best[number] = max(best[number], column.max(initial=0.0))

    with from_file(recording.path) as source:
        for block in source.at(card.audio.rate_hz):
            first_s = session.next_s
            hear(session.push(block), first_s)
    seconds = session.seconds
    first_s = session.next_s
    hear(session.finish(), first_s)
    return events + decider.finish(), best, seconds
