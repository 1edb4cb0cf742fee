"""The torch side of what is attacked: models that give a gradient, cases as batches of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final, final

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.utils.hooks import RemovableHandle

from sonant import bundle
from sonant.attacking.cases import Case, Plan
from sonant.attacking.ears import Ear, IdentifierEar, VerifierEar
from sonant.attacks import objectives
from sonant.attacks.objectives import Objective
from sonant.attacks.victims import Identifier, Listener, Recogniser, Verifier, Victim
from sonant.audio import Samples
from sonant.card import Card
from sonant.errors import BundleError
from sonant.models.embedder import SpeakerEmbedder
from sonant.spoofing.detector import calibration_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A batch of cases as an attack takes them."""

    victim: Victim
    cases: tuple[Case, ...]
    clean: Tensor
    """[batch, 1, samples]."""
    lengths: Tensor | None
    """[batch] in samples; None where all are as long."""
    places: Tensor
    """[batch], of their answers among the victim's."""

    @property
    def away(self) -> bool:
        """Whether they want to get away from these answers."""
        return self.cases[0].away

    @property
    def objective(self) -> Objective:
        """What the attacker raises."""
        wish = objectives.away_from if self.away else objectives.towards
        return wish(self.victim, self.places, lengths=self.lengths)

    def some(self, rows: Sequence[int]) -> Problem:
        """The cases at these places by themselves."""
        victim, places = self.victim, list(rows)
        if isinstance(victim, Verifier) and len(victim.enrolled) > 1:
            victim = victim.claiming(victim.enrolled[places])
        return replace(
            self,
            victim=victim,
            cases=tuple(self.cases[place] for place in places),
            clean=self.clean[places],
            lengths=None if self.lengths is None else self.lengths[places],
            places=self.places[places],
        )

    def each(self) -> Iterator[Problem]:
        """Every case by itself, without what stands behind its end."""
        for row in range(len(self.cases)):
            end = self.clean.shape[-1] if self.lengths is None else int(self.lengths[row])
            one = self.some([row])
            yield replace(one, clean=one.clean[..., :end], lengths=None)


@final
class Bench:
    """The model of a bundle on a device, and the voices its cases are about."""

    def __init__(self, card: Card, plan: Plan, ear: Ear, *, device: torch.device) -> None:
        """Raises `BundleError` where the bundle has no torch model, as a fused one."""
        self.card, self.plan, self.ear, self.device = card, plan, ear, device
        if not has_model(card):
            raise BundleError(
                f"{card.path}: is fused of several models and has no torch model of its own, so no gradient "
                "can be followed through it; attack it by its scores with --method nes or fakebob, or one "
                "of its parts with --transfer on this bundle"
            )
        self._embedder: Final = _embedder(card, device)
        self._words: Final = _words(card, device)

    def problem(self, cases: Sequence[Case], sounds: Sequence[Samples]) -> Problem:
        """Cases with their clean sounds, each [samples], as one batch."""
        victim = self._victim(cases)
        clean, lengths = stacked(sounds)
        places = torch.tensor([victim.names.index(case.answer) for case in cases])
        return Problem(
            victim=victim,
            cases=tuple(cases),
            clean=clean.to(self.device),
            lengths=None if lengths is None else lengths.to(self.device),
            places=places.to(self.device),
        )

    def _victim(self, cases: Sequence[Case]) -> Victim:
        plan, ear = self.plan, self.ear
        if self._words is not None:
            return self._words
        assert self._embedder is not None
        if isinstance(ear, IdentifierEar):
            people = torch.from_numpy(ear.people.astype(np.float32))
            found: Victim = Identifier(
                self._embedder,
                people,
                names=plan.names[: len(people)],
                threshold=ear.threshold,
            )
        else:
            assert isinstance(ear, VerifierEar)
            claims = ear.claims(cases)
            if (claims == claims[:1]).all():
                # One row serves any number of clips, which methods ask about that learn from all.
                claims = claims[:1]
            enrolled = torch.from_numpy(claims.astype(np.float32))
            found = Verifier(self._embedder, enrolled, threshold=ear.threshold)
        return found.to(self.device)


def has_model(card: Card) -> bool:
    """Whether a bundle can be rebuilt in torch; a fused one is a graph alone."""
    return "model" in card.recipe


def listener(card: Card, *, device: torch.device) -> Listener:
    """A spoof detector as a victim that says what its bundle says."""
    model, known = bundle.load_detector(card.path), calibration_of(card)
    slope, offset = (known.slope, known.offset) if known else (1.0, 0.0)
    window = model.fixed_samples or card.audio.samples
    return Listener(model, window=window, slope=slope, offset=offset).to(device)


def stacked(sounds: Sequence[Samples]) -> tuple[Tensor, Tensor | None]:
    """Sounds [samples] as a batch [batch, 1, samples] with silence behind the shorter ones, and lengths."""
    rows = [torch.from_numpy(np.ascontiguousarray(one, np.float32)) for one in sounds]
    lengths = torch.tensor([len(row) for row in rows])
    alike = bool((lengths == lengths[0]).all())
    return pad_sequence(rows, batch_first=True).unsqueeze(1), None if alike else lengths


class Count:
    """How many clips a model has been asked about."""

    clips = 0


@contextmanager
def counted(victim: Victim) -> Iterator[Count]:
    """Count the clips that a victim hears meanwhile, whomever they claim to be."""
    count = Count()
    model = victim.embedder if isinstance(victim, Verifier) else victim

    def add(_: torch.nn.Module, asked: tuple[Tensor, ...]) -> None:
        count.clips += len(asked[0])

    handle: RemovableHandle = model.register_forward_pre_hook(add)
    try:
        yield count
    finally:
        handle.remove()


def _embedder(card: Card, device: torch.device) -> SpeakerEmbedder | None:
    return bundle.load_embedder(card.path).to(device) if card.task == "speakers" else None


def _words(card: Card, device: torch.device) -> Recogniser | None:
    if card.task != "keywords":
        return None
    model = bundle.load_classifier(card.path)
    return Recogniser(model, card.labels, rate_hz=card.audio.rate_hz).to(device)
