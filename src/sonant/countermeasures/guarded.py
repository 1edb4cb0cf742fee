"""A speaker model behind its detectors: one call from files to identity, spoof and attack. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final, Self, final

from sonant import audio
from sonant.audio import Clip
from sonant.countermeasures.answer import Answer
from sonant.countermeasures.guards import AlarmPoint, Finding, Guards, Kind
from sonant.errors import AudioError
from sonant.speakers.model import TOP, Source, SpeakerModel
from sonant.speakers.store import SpeakerStore
from sonant.speakers.verdict import Heard, Identification, Verdict
from sonant.spoofing.detector import named, opened


@final
class GuardedModel:
    """A speaker model whose answers carry the word of a spoof and of an adversarial detector."""

    def __init__(self, model: SpeakerModel, guards: Guards | None = None) -> None:
        """Detectors that there are hear every clip under test; raises `BundleError` as `Guards.fit` does."""
        self.model: Final = model
        self.guards: Final = guards or Guards()
        self.guards.fit(model.card)

    @classmethod
    def load(
        cls,
        model: Path | str,
        *,
        spoof_detector: Path | str | None = None,
        adversarial_detector: Path | str | None = None,
        points: Mapping[Kind, AlarmPoint] | None = None,
        threads: int | None = None,
    ) -> Self:
        """Open the bundles; raises `BundleError` naming one that is of another task or another rate."""
        guards = Guards.load(
            spoof=spoof_detector, adversarial=adversarial_detector, points=points, threads=threads
        )
        return cls(SpeakerModel.load(model, threads=threads), guards)

    def verify(self, reference: Source, claimed: Source, *, rate_hz: int | None = None) -> Answer:
        """Whether `claimed` is a genuine recording of the voice in `reference`, which is trusted.

        Detectors hear `claimed` alone, which is read once. `rate_hz` is that of bare samples. Raises
        `AudioError` naming a clip that cannot be read or, where a detector is to hear it, holds nothing.
        """
        left = self.model.hear(reference, rate_hz=rate_hz)
        right, findings = self._heard(claimed, rate_hz)
        return self.judge(self.model.verify(left, right), right, findings=findings)

    def identify(
        self, store: SpeakerStore, claimed: Source, *, top: int = TOP, rate_hz: int | None = None
    ) -> Answer:
        """Who of those in a store speaks in a clip, or nobody known, and whether the clip is genuine.

        Raises `AudioError` as `verify` does, and `StoreError` where the store is of another model.
        """
        heard, findings = self._heard(claimed, rate_hz)
        return self.judge(self.model.who(store, heard, top=top), heard, findings=findings)

    def judge(
        self,
        identity: Verdict | Identification,
        claimed: Heard,
        *,
        findings: tuple[Finding, ...] = (),
    ) -> Answer:
        """The same of a clip that all have heard before."""
        return Answer.of(identity, findings, objection=self.model.objection(claimed))

    def _heard(self, source: Source, rate_hz: int | None) -> tuple[Heard, tuple[Finding, ...]]:
        clip = opened(source, rate_hz=rate_hz or self.model.rate_hz)
        samples = audio.resample(clip, self.model.rate_hz).samples
        if self.guards.all and not len(samples):
            raise AudioError(f"{named(source)}: holds no sound")
        one = Clip(samples, self.model.rate_hz)
        return self.model.hear(one), self.guards.hear(one)
