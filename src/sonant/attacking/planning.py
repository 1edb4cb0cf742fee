"""Which clips are attacked, and what is wanted of each: drawn from data as it was split for training."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypeVar

import numpy as np

from sonant.attacking.cases import Case, Kind, Plan
from sonant.attacks.victims import ANOTHER, CLAIMED, NOBODY
from sonant.card import Card
from sonant.data import sources, speaker_splits
from sonant.data.held_out import as_trained
from sonant.data.preparation import DataConfig
from sonant.errors import ManifestError
from sonant.events import OnEvent, silent
from sonant.listing.names import canonical_split
from sonant.manifest import Columns, Item, Manifest
from sonant.speakers import pairing

T = TypeVar("T")
ACCEPT, REJECT, ANY = "accept", "reject", "any"
GOALS: Final[Mapping[Kind, tuple[str, ...]]] = {
    "verifier": (ACCEPT, REJECT),
    "identifier": (ANY,),
    "open-identifier": (ACCEPT, REJECT, ANY),
    "recogniser": (ANY,),
}
"""What can be wanted beside an answer by its name; the first is the default."""
PER_ENROLMENT: Final = 3
"""Recordings that an enrolled speaker is known by."""
LESSONS: Final = 2000
"""Clips that a generator learns from, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a user says of clips and goal."""

    data: Manifest | Path | str | None = None
    split: str = "test"
    columns: Columns | None = None
    audio: Path | None = None
    kind: Kind | None = None
    """None: a verifier of a speaker bundle, a recogniser of one of keywords."""
    goal: str = ""
    """`accept`, `reject`, `any`, or the name of an answer; empty for the kind's first."""
    count: int = 50
    enrolled: int = 10
    """People whom an identifier knows."""
    one_claim: bool = False
    """Whether all claim to be the same speaker, as a method needs that learns one noise or generator."""
    seed: int = 0

    def __post_init__(self) -> None:
        if self.count < 1 or self.enrolled < 2:
            raise ManifestError("--count is 1 or more, --enrolled 2 or more")


def kind_of(asked: Asked, card: Card) -> Kind:
    """What the bundle is attacked as; raises `ManifestError` for what it is not."""
    if card.task == "keywords":
        if asked.kind not in (None, "recogniser"):
            raise ManifestError(
                f"--as {asked.kind}: {card.name} tells words apart; leave --as out, or attack a bundle "
                "of speakers"
            )
        return "recogniser"
    if asked.kind == "recogniser":
        raise ManifestError(f"--as recogniser: {card.name} tells speakers apart, not words")
    return asked.kind or "verifier"


def manifest_of(asked: Asked, card: Card, *, on_event: OnEvent = silent) -> Manifest:
    """The data in the splits that the bundle's recipe makes of it."""
    given = sources.load(asked.data, columns=asked.columns, audio=asked.audio, on_event=on_event)
    if card.task == "keywords":
        return as_trained(card, given, wanted=asked.split)
    config = DataConfig.from_dict(card.recipe.get("data", {}))
    return speaker_splits.prepare(config, given, seed=int(card.recipe.get("seed", 0)))


def plan(asked: Asked, card: Card, manifest: Manifest, *, threshold: float | None) -> Plan:
    """Draw the cases. A longer plan begins as a shorter one of the same seed.

    Raises `ManifestError` where the split is not there, or nothing in it fits the goal.
    """
    kind = kind_of(asked, card)
    goal = asked.goal or GOALS[kind][0]
    drawn = DRAWING[kind](asked, card, manifest, goal, threshold)
    if not drawn.cases:
        raise ManifestError(
            f"{manifest.name}: no clip of the split {asked.split} fits the goal {goal}; "
            "take another --goal or --split"
        )
    return drawn


def lessons(asked: Asked, of: Plan, manifest: Manifest) -> tuple[Case, ...]:
    """The same goal for clips of the training split, whose speakers are others: what a generator learns from.

    Raises `ManifestError` where there is no such split, or one generator cannot do what is wanted.
    """
    if "train" not in manifest.splits:
        raise ManifestError(
            f"{manifest.name}: has no split train, and this method learns from other speakers than it "
            "attacks; give data with one"
        )
    one = of.cases[0]
    if of.kind == "verifier" and of.goal == REJECT:
        trials = _trials(asked, manifest, split="train", same=True)
        return _numbered(
            _shuffled([_pair(left, right, ANOTHER) for left, right in trials], asked.seed)
        )
    clips = _shuffled(manifest.where(split="train").items, asked.seed)[:LESSONS]
    if of.kind == "recogniser" and of.goal == ANY:
        known = [item for item in clips if item.label in of.names]
        return _numbered([Case(number=0, item=i, answer=i.label, away=True) for i in known])
    if of.kind in ("identifier", "open-identifier") and of.goal in (ANY, REJECT):
        raise ManifestError(
            f"--goal {of.goal}: those who are enrolled are in no training split to learn from; name whom "
            "to be taken for, or take another --method"
        )
    kept = [item for item in clips if item.label != one.answer or of.kind != "recogniser"]
    return _numbered(
        [Case(number=0, item=i, answer=one.answer, away=one.away, claim=one.claim) for i in kept]
    )


def _verifier(
    asked: Asked, card: Card, manifest: Manifest, goal: str, threshold: float | None
) -> Plan:
    remarks: list[str] = []
    if goal in (ACCEPT, REJECT):
        trials = _trials(asked, manifest, split=asked.split, same=goal == REJECT)
        pairs = _shuffled(trials, asked.seed)
        if goal == ACCEPT and asked.one_claim and pairs:
            goal = pairs[0][0].speaker
            remarks.append(
                f"all claim to be {goal}: one generator, one voice; --goal NAME says whose"
            )
    if goal in (ACCEPT, REJECT):
        answer = CLAIMED if goal == ACCEPT else ANOTHER
        cases = [_pair(left, right, answer) for left, right in pairs]
    else:
        clips = pairing.chosen(manifest, asked.split).items
        own = _of(goal, clips, asked)
        others = _shuffled([item for item in clips if item.speaker != goal], asked.seed)
        cases = [_pair(own[0], item, CLAIMED) for item in others]
    return Plan(
        kind="verifier",
        goal=goal,
        cases=_numbered(cases[: asked.count]),
        names=(ANOTHER, CLAIMED),
        threshold=threshold,
        remarks=tuple(remarks),
    )


def _identifier(
    asked: Asked, card: Card, manifest: Manifest, goal: str, threshold: float | None
) -> Plan:
    clips = pairing.chosen(manifest, asked.split).items
    by_name: dict[str, list[Item]] = {}
    for item in clips:
        by_name.setdefault(item.speaker, []).append(item)
    known = [name for name in sorted(by_name) if len(by_name[name]) > 1][: asked.enrolled]
    if len(known) < 2:
        raise ManifestError(
            f"{manifest.name}: fewer than two speakers of the split {asked.split} have two recordings, "
            "one to be known by and one to be attacked"
        )
    enrolled = {
        name: by_name[name][: max(1, min(PER_ENROLMENT, len(by_name[name]) - 1))] for name in known
    }
    opened = threshold is not None
    cases = _identified(goal, clips, enrolled, opened=opened, asked=asked)
    return Plan(
        kind="open-identifier" if opened else "identifier",
        goal=goal,
        cases=_numbered(_shuffled(cases, asked.seed)[: asked.count]),
        names=(*known, NOBODY) if opened else tuple(known),
        enrolled=tuple(tuple(items) for items in enrolled.values()),
        threshold=threshold,
    )


def _identified(
    goal: str,
    clips: Sequence[Item],
    enrolled: Mapping[str, Sequence[Item]],
    *,
    opened: bool,
    asked: Asked,
) -> list[Case]:
    """What is wanted of the clips that nobody is enrolled by."""
    used = {item for items in enrolled.values() for item in items}
    free = [item for item in clips if item not in used]
    own = [item for item in free if item.speaker in enrolled]
    outside = [item for item in free if item.speaker not in enrolled]
    if goal == ANY:
        return [Case(number=0, item=i, answer=i.speaker, away=True) for i in own]
    if opened and goal == REJECT:
        return [Case(number=0, item=i, answer=NOBODY) for i in own]
    if opened and goal == ACCEPT:
        return [Case(number=0, item=i, answer=NOBODY, away=True) for i in outside]
    if goal not in enrolled:
        raise ManifestError(
            f"--goal {goal}: nobody of that name is enrolled; there are {', '.join(enrolled)}, and "
            f"{', '.join(GOALS['open-identifier' if opened else 'identifier'])}"
        )
    return [Case(number=0, item=i, answer=goal) for i in free if i.speaker != goal]


def _recogniser(
    asked: Asked, card: Card, manifest: Manifest, goal: str, threshold: float | None
) -> Plan:
    split = asked.split
    clips = [item for item in pairing.chosen(manifest, split) if item.label in card.labels]
    if goal != ANY and goal not in card.labels:
        raise ManifestError(
            f"--goal {goal}: is no label of {card.name}; it knows {', '.join(card.labels)}, and any"
        )
    cases = [
        Case(number=0, item=item, answer=item.label if goal == ANY else goal, away=goal == ANY)
        for item in _shuffled(clips, asked.seed)
        if item.label != goal
    ]
    return Plan(
        kind="recogniser", goal=goal, cases=_numbered(cases[: asked.count]), names=card.labels
    )


Drawing = Callable[[Asked, Card, Manifest, str, float | None], Plan]
DRAWING: Final[Mapping[Kind, Drawing]] = {
    "verifier": _verifier,
    "identifier": _identifier,
    "open-identifier": _identifier,
    "recogniser": _recogniser,
}


def _trials(asked: Asked, manifest: Manifest, *, split: str, same: bool) -> list[tuple[Item, Item]]:
    drawn = pairing.draw(manifest, split=split, different_per_same=1, seed=asked.seed)
    places = dict(zip(drawn.trials.clips, drawn.items, strict=True))
    return [
        (places[trial.left], places[trial.right]) for trial in drawn.trials if trial.same == same
    ]


def _pair(left: Item, right: Item, answer: str) -> Case:
    return Case(number=0, item=right, answer=answer, claim=left)


def _of(name: str, clips: Sequence[Item], asked: Asked) -> list[Item]:
    found = [item for item in clips if item.speaker == name]
    if not found:
        some = sorted({item.speaker for item in clips})[:8]
        raise ManifestError(
            f"--goal {name}: nobody of that name speaks in the split {asked.split}, as do "
            f"{', '.join(some)}; or say accept or reject"
        )
    return found


def _shuffled(things: Sequence[T], seed: int) -> list[T]:
    order = np.random.default_rng([seed, 7]).permutation(len(things))
    return [things[place] for place in order]


def _numbered(cases: Sequence[Case]) -> tuple[Case, ...]:
    return tuple(replace(case, number=number) for number, case in enumerate(cases))


def split_of(asked: Asked) -> str:
    """The split under the name that manifests call it."""
    return asked.split if asked.split == pairing.ALL else canonical_split(asked.split)
