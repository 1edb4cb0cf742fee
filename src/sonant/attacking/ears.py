"""A bundle as its users meet it: its own graph, and the rule by which it answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, TypeAlias, final

import numpy as np
from numpy.typing import NDArray

from sonant import audio
from sonant.attacking.cases import Case, Kind, Plan
from sonant.attacks.victims import ANOTHER, CLAIMED
from sonant.audio import Clip, Samples
from sonant.card import Card, find
from sonant.errors import BundleError
from sonant.manifest import Item
from sonant.runtime.graph import WholeGraph
from sonant.speakers.embedding import EmbeddingGraph
from sonant.speakers.vectors import centre, units

Floats: TypeAlias = NDArray[np.float64]
Read: TypeAlias = Callable[[Item], Samples]
"""A clip as the victim is asked about it."""
AT_ONCE: Final = 32
LEAST: Final = 1e-12
"""The probability that counts as 0."""


class Ear(ABC):
    """Sounds to the scores of all that can be answered."""

    names: tuple[str, ...]

    def __init__(self, card: Card, *, rate_hz: int) -> None:
        """`rate_hz` is that of the sounds it will be given."""
        self.card: Final = card
        self._given_hz: Final = rate_hz

    @property
    def title(self) -> str:
        """What tables call it."""
        return f"{self.card.name}/{self.card.version}"

    def scores(self, cases: Sequence[Case], sounds: Sequence[Samples]) -> Floats:
        """[sounds, names] of each sound in its case; of equal scores the first is the answer."""
        own = self.card.audio.rate_hz
        heard = [audio.resample(Clip(one, self._given_hz), own).samples for one in sounds]
        return self._scores(cases, heard)

    @abstractmethod
    def _scores(self, cases: Sequence[Case], sounds: Sequence[Samples]) -> Floats:
        """The same, at the graph's own rate."""

    def seen(self, case: Case) -> Case:
        """What the case is to this ear, which may know nothing of what the attacker wants."""
        return case


@final
class VerifierEar(Ear):
    """By how much the cosine to the claim is below and above a threshold."""

    names = (ANOTHER, CLAIMED)

    def __init__(
        self, card: Card, *, rate_hz: int, threshold: float, read: Read, foreign: bool = False
    ) -> None:
        """`foreign`: asked whether it is still the voice of the clean clip, whatever the attacker wants."""
        super().__init__(card, rate_hz=rate_hz)
        self.threshold: Final = threshold
        self._graph: Final = EmbeddingGraph(card)
        self._read: Final = read
        self._foreign: Final = foreign
        self._known: Final[dict[Item, Floats]] = {}

    def claims(self, cases: Sequence[Case]) -> Floats:
        """[cases, size] of what each claims to be, of length 1."""
        wanted = list(dict.fromkeys(_claim(case) for case in cases))
        new = [item for item in wanted if item not in self._known]
        sounds = [_at(self._read(item), self._given_hz, self.card) for item in new]
        self._known.update(zip(new, _embedded(self._graph, sounds), strict=True))
        return np.stack([self._known[_claim(case)] for case in cases])

    def _scores(self, cases: Sequence[Case], sounds: Sequence[Samples]) -> Floats:
        cosines = (_embedded(self._graph, sounds) * self.claims(cases)).sum(1)
        return np.stack([self.threshold - cosines, cosines - self.threshold], axis=1)

    def seen(self, case: Case) -> Case:
        """Where it is foreign: that it takes the changed clip for somebody else than the clean one."""
        if not self._foreign:
            return case
        return replace(case, claim=case.item, answer=ANOTHER, away=False)


@final
class IdentifierEar(Ear):
    """Cosines to everybody who is enrolled; a threshold stands behind them as the score of nobody."""

    def __init__(self, card: Card, *, rate_hz: int, plan: Plan, read: Read) -> None:
        super().__init__(card, rate_hz=rate_hz)
        self._graph: Final = EmbeddingGraph(card)
        self.names = plan.names
        self.threshold: Final = plan.threshold
        self.people: Final = np.stack(
            [
                _centre(self._graph, [_at(read(item), rate_hz, card) for item in items])
                for items in plan.enrolled
            ]
        )
        """[people, size], of length 1."""

    def _scores(self, cases: Sequence[Case], sounds: Sequence[Samples]) -> Floats:
        cosines = _embedded(self._graph, sounds) @ self.people.T
        if self.threshold is None:
            return cosines
        return np.concatenate([cosines, np.full_like(cosines[:, :1], self.threshold)], axis=1)


@final
class WordEar(Ear):
    """Logarithms of the probabilities of words."""

    def __init__(self, card: Card, *, rate_hz: int, read: Read, foreign: bool = False) -> None:
        """`foreign`: asked whether its answer is another than that to the clean clip."""
        super().__init__(card, rate_hz=rate_hz)
        self.names = card.labels
        self._graph: Final = WholeGraph(card)
        self._read: Final = read
        self._foreign: Final = foreign

    def _scores(self, cases: Sequence[Case], sounds: Sequence[Samples]) -> Floats:
        spec = self.card.audio
        fitted = [audio.fit_length(s, spec.samples, pad=spec.pad, crop=spec.crop) for s in sounds]
        parts = [
            self._graph.probabilities(np.stack(fitted[first : first + AT_ONCE]))
            for first in range(0, len(fitted), AT_ONCE)
        ]
        return np.log(np.maximum(np.concatenate(parts).astype(np.float64), LEAST))

    def seen(self, case: Case) -> Case:
        """Where it is foreign: that it gives another answer than to the clean clip."""
        if not self._foreign:
            return case
        place = int(self.scores([case], [self._read(case.item)])[0].argmax())
        return replace(case, answer=self.names[place], away=True, claim=None)


def margins(scores: Floats, cases: Sequence[Case], names: Sequence[str]) -> Floats:
    """By how much the attacker has what he wants, [cases]: above 0 he has it."""
    places = np.array([names.index(case.answer) for case in cases])
    rows = np.arange(len(cases))
    own = scores[rows, places]
    others = scores.copy()
    others[rows, places] = -np.inf
    signs = np.array([-1.0 if case.away else 1.0 for case in cases])
    found: Floats = signs * (own - others.max(axis=1))
    return found


def opened(bundle: Path | str) -> Card:
    """The card of a bundle that can be attacked; raises `BundleError` for one of another task."""
    card = Card.read(find(Path(bundle)))
    if card.task not in ("speakers", "keywords"):
        raise BundleError(
            f"{card.path}: is a bundle of {card.task}; attacks are on bundles of speakers and of keywords "
            f"(a spoof detector is got past on the way, with --against-detector)"
        )
    return card


def ear_of(card: Card, plan: Plan, *, threshold: float | None, rate_hz: int, read: Read) -> Ear:
    """A bundle that is asked what the plan asks or, where its task is another, if its answer changes."""
    wanted: Kind = plan.kind
    if card.task == "keywords":
        return WordEar(card, rate_hz=rate_hz, read=read, foreign=wanted != "recogniser")
    if wanted in ("identifier", "open-identifier"):
        own = replace(plan, threshold=threshold if wanted == "open-identifier" else None)
        return IdentifierEar(card, rate_hz=rate_hz, plan=own, read=read)
    if threshold is None:
        raise BundleError(f"{card.path}: nobody knows from which cosine on it says yes")
    foreign = wanted == "recogniser"
    return VerifierEar(card, rate_hz=rate_hz, threshold=threshold, read=read, foreign=foreign)


def _claim(case: Case) -> Item:
    assert case.claim is not None, "a verifier is asked about claims"
    return case.claim


def _at(samples: Samples, rate_hz: int, card: Card) -> Samples:
    return audio.resample(Clip(samples, rate_hz), card.audio.rate_hz).samples


def _embedded(graph: EmbeddingGraph, sounds: Sequence[Samples]) -> Floats:
    """[sounds, size], of length 1."""
    if not sounds:
        return np.zeros((0, 0))
    return units(np.stack([one.vector for one in graph.embed_many(sounds)])).astype(np.float64)


def _centre(graph: EmbeddingGraph, sounds: Sequence[Samples]) -> Floats:
    return np.asarray(centre(_embedded(graph, sounds).astype(np.float32)), np.float64)
