"""Trials: which recordings are compared, made reproducibly from a manifest, kept as a table."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass, field, replace
from pathlib import Path
from typing import Final, Self

import numpy as np

from sonant.errors import ManifestError
from sonant.listing import tables
from sonant.manifest import Item, Manifest
from sonant.verification import drawing
from sonant.verification.checks import Bools, Numbers, both_kinds
from sonant.verification.sessions import name_of, session_of

COLUMNS: Final = ("left", "right", "same", "left_speaker", "right_speaker", "same_session")
YES_OR_NO: Final = {"1": True, "0": False, "true": True, "false": False}
"""How truth is written in a table, in lower case; an empty cell is unknown, where that is allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """Two recordings and whether one person speaks in both."""

    left: str
    """Path from the folder of all clips, with `#t=START,END` in seconds for a segment of a file."""
    right: str
    """The other recording, named alike."""
    same: bool
    """Whether the speaker is the same."""
    left_speaker: str = ""
    """Who speaks on the left; empty when unknown."""
    right_speaker: str = ""
    """Who speaks on the right; empty when unknown."""
    same_session: bool | None = None
    """Whether both were recorded in one sitting; None when unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sessions:
    """How many trials of the same speaker are of one session: room and microphone help there."""

    same: int
    different: int
    unknown: int

    def __str__(self) -> str:
        total = self.same + self.different + self.unknown
        return (
            f"of {total} trials of the same speaker {self.same} are of one session, {self.different} of two, "
            f"of {self.unknown} it is unknown"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialList:
    """An ordered list of trials; two are equal when their trials are."""

    trials: tuple[Trial, ...]
    name: str = field(default="", compare=False)
    """What it was made from, for messages and reports."""
    origin: str = field(default="", compare=False)
    """How it was made, in words, for reports."""

    def __len__(self) -> int:
        return len(self.trials)

    def __iter__(self) -> Iterator[Trial]:
        return iter(self.trials)

    @classmethod
    def make(
        cls,
        manifest: Manifest,
        *,
        split: str = "",
        per_speaker: int = 20,
        different_per_same: int = 1,
        two_sessions: bool = False,
        seed: int = 0,
        session: Callable[[Item], str] = session_of,
    ) -> Self:
        """Draw up to `per_speaker` pairs of each speaker, and as many with others times `different_per_same`.

        The draw depends on names and the seed, never on the order of clips. With a `split` only its clips are
        compared, and none of its speakers may stand in another split. `two_sessions` leaves out pairs of one
        speaker that are known to be of one session; `session` names the session of a clip, empty if
        unknown. Clips without a speaker are left out. Raises `ManifestError` where there are no pairs, or a
        speaker stands in two splits.
        """
        clips = _by_speaker(manifest, split, session)
        wanted = drawing.Wanted(
            per_speaker=per_speaker, different_per_same=different_per_same, seed=seed
        )
        pairs = drawing.pairs(clips, wanted, two_sessions=two_sessions)
        trials = tuple(_trial(left, right) for left, right in pairs)
        same = sum(trial.same for trial in trials)
        _both(manifest.name, same, len(trials) - same)
        where = f" of the split {split}" if split else ""
        found = cls(trials=trials, name=manifest.name)
        kinds = f"{same} pairs of one speaker and {len(trials) - same} of two"
        origin = f"{kinds}, of {len(clips)} speakers{where}, seed {seed}; {found.sessions()}"
        return replace(found, origin=origin)

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """Read a table of trials, and its checksum where `<path>.sha256` lies beside it.

        Raises `ManifestError` with the line of what is wrong, and for a table that is not the one the
        checksum was written for.
        """
        path = Path(path)
        table = tables.read(path)
        missing = [column for column in COLUMNS[:3] if column not in table.columns]
        if missing:
            raise ManifestError(
                f"{path}: has no column {missing[0]!r}; want {', '.join(COLUMNS[:3])}"
            )
        found = cls(trials=tuple(_from_row(path, row) for row in table.rows), name=path.name)
        _verify(path, found.digest)
        return found

    def save(self, path: Path | str) -> Path:
        """Write a table that loads to an equal list, whole or not at all, and its checksum beside it."""
        path, checksum = Path(path), _checksum_file(Path(path))
        # An old checksum beside a new table would refuse it, should the writing end between the two.
        checksum.unlink(missing_ok=True)
        tables.write(path, COLUMNS, (_row(trial) for trial in self.trials))
        checksum.write_text(f"{self.digest}  {path.name}\n", encoding="utf-8")
        return path

    @property
    def digest(self) -> str:
        """SHA-256 of all trials in their order; the same wherever the recordings lie."""
        digest = hashlib.sha256()
        for trial in self.trials:
            digest.update(json.dumps(astuple(trial)).encode() + b"\n")
        return digest.hexdigest()

    @property
    def same(self) -> Bools:
        """Truth, [trials]."""
        return np.array([trial.same for trial in self.trials], np.bool_)

    @property
    def speakers(self) -> tuple[str, ...]:
        """Everybody who speaks in a trial, sorted, without the unknown."""
        found = {trial.left_speaker for trial in self} | {trial.right_speaker for trial in self}
        return tuple(sorted(found - {""}))

    @property
    def clips(self) -> tuple[str, ...]:
        """The names of all recordings, each once, sorted."""
        return tuple(sorted({name for trial in self for name in (trial.left, trial.right)}))

    @property
    def numbers(self) -> Numbers:
        """Where the left and the right of each trial stand in `clips`, [trials, 2]."""
        place = {name: number for number, name in enumerate(self.clips)}
        rows = [(place[trial.left], place[trial.right]) for trial in self]
        return np.array(rows, np.int64).reshape(-1, 2)

    def items(self, manifest: Manifest) -> tuple[Item, ...]:
        """The clip of each name in `clips`, from the manifest the trials were made from.

        Raises `ManifestError` naming the first that it does not hold.
        """
        root = manifest.root
        known = {name_of(item, root): item for item in manifest}
        for name in self.clips:
            if name not in known:
                raise ManifestError(
                    f"{self.name}: {name} is not among the {len(manifest)} clips of {manifest.name} "
                    f"below {root}; give the whole manifest that the trials were made from"
                )
        return tuple(known[name] for name in self.clips)

    def where(self, chosen: Iterable[bool] | Bools) -> Self:
        """The trials that are chosen, one truth value a trial, in the same order."""
        pairs = zip(self.trials, chosen, strict=True)
        return replace(self, trials=tuple(trial for trial, kept in pairs if kept))

    def halves(self, *, seed: int = 0) -> tuple[Self, Self]:
        """Two lists that share no speaker, to calibrate on one and to measure on the other.

        Trials between the halves are dropped. Raises `ManifestError` where a half lacks a kind of trial.
        """
        order = sorted(self.speakers, key=lambda name: drawing.rank(f"{seed}|half|{name}"))
        first = set(order[: len(order) // 2])
        sides = [(t.left_speaker in first, t.right_speaker in first) for t in self]
        unknown = [not t.left_speaker or not t.right_speaker for t in self]
        halves = tuple(
            self.where(
                side == (half, half) and not odd for side, odd in zip(sides, unknown, strict=True)
            )
            for half in (True, False)
        )
        for half in halves:
            both_kinds(int(half.same.sum()), int((~half.same).sum()), len(half))
        return halves[0], halves[1]

    def sessions(self) -> Sessions:
        """How many trials of the same speaker are of one session, of two, or of who knows how many."""
        counts = Counter(trial.same_session for trial in self if trial.same)
        return Sessions(same=counts[True], different=counts[False], unknown=counts[None])


def _by_speaker(
    manifest: Manifest, split: str, session: Callable[[Item], str]
) -> dict[str, list[drawing.Clip]]:
    """The clips of each speaker, sorted by name; those that share a name count once."""
    root = manifest.root
    if split:
        _apart(manifest, split)
    found: dict[str, dict[str, drawing.Clip]] = {}
    for item in manifest.where(split=split) if split else manifest:
        if item.speaker:
            name = name_of(item, root)
            clip = drawing.Clip(
                name=name, speaker=item.speaker, file=str(item.path), session=session(item)
            )
            found.setdefault(item.speaker, {})[name] = clip
    return {
        speaker: [clips[name] for name in sorted(clips)] for speaker, clips in sorted(found.items())
    }


def _apart(manifest: Manifest, split: str) -> None:
    here = {item.speaker for item in manifest.where(split=split)} - {""}
    elsewhere = {item.speaker: item.split for item in manifest if item.split not in ("", split)}
    shared = sorted(here & elsewhere.keys())
    if shared:
        raise ManifestError(
            f"{manifest.name}: {len(shared)} of {len(here)} speakers of the split {split!r} stand in "
            f"another as well, {shared[0]!r} in {elsewhere[shared[0]]!r}; split by whole speakers with "
            "data.split=speaker"
        )


def _both(name: str, same: int, different: int) -> None:
    if not same or not different:
        missing = "two clips of one speaker" if not same else "a second speaker"
        raise ManifestError(
            f"{name}: no trials can be made, as there are not {missing}; add clips, cut long ones into "
            "segments, or say who speaks with --speaker-column NAME"
        )


def _trial(left: drawing.Clip, right: drawing.Clip) -> Trial:
    return Trial(
        left=left.name,
        right=right.name,
        same=left.speaker == right.speaker,
        left_speaker=left.speaker,
        right_speaker=right.speaker,
        same_session=drawing.one_session(left, right),
    )


def _row(trial: Trial) -> Mapping[str, tables.Value]:
    session = "" if trial.same_session is None else str(int(trial.same_session))
    return {
        "left": trial.left,
        "right": trial.right,
        "same": str(int(trial.same)),
        "left_speaker": trial.left_speaker,
        "right_speaker": trial.right_speaker,
        "same_session": session,
    }


def _from_row(path: Path, row: tables.Row) -> Trial:
    def truth(column: str) -> bool:
        text = row.cells[column].lower()
        if text not in YES_OR_NO:
            raise ManifestError(f"{path}, line {row.line}: {column} is {text!r}; want 1 or 0")
        return YES_OR_NO[text]

    for column in ("left", "right", "same"):
        if not row.cells.get(column):
            raise ManifestError(f"{path}, line {row.line}: the column {column!r} is empty")
    return Trial(
        left=row.cells["left"],
        right=row.cells["right"],
        same=truth("same"),
        left_speaker=row.cells.get("left_speaker", ""),
        right_speaker=row.cells.get("right_speaker", ""),
        same_session=truth("same_session") if row.cells.get("same_session") else None,
    )


def _checksum_file(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")


def _verify(path: Path, digest: str) -> None:
    beside = _checksum_file(path)
    if not beside.is_file():
        return
    expected = beside.read_text(encoding="utf-8").split(" ")[0].strip()
    if digest != expected:
        raise ManifestError(
            f"{path}: these are not the trials that {beside.name} was written for ({digest[:12]} and not "
            f"{expected[:12]}); make them anew, or delete {beside.name} if the change is meant"
        )
