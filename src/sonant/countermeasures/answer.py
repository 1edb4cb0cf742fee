"""Identity, spoof and attack in one answer: what was decided, and what each of the three said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self, TypeAlias

from sonant.countermeasures.guards import KINDS, Finding, Kind
from sonant.speakers.verdict import Identification, Verdict

Decision: TypeAlias = Literal[
    "same", "different", "known", "nobody known", "undecided", "spoof", "adversarial"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is to be thought of a clip that claims to be somebody's voice."""

    decision: Decision
    """That of the voices alone, unless a detector objects."""
    reason: str
    """The sentence among `reasons` that the decision rests on."""
    reasons: tuple[str, ...]
    """One of the speaker model, then one of the spoof detector and of the adversarial one, where asked."""
    identity: Verdict | Identification
    """What the voices alone say."""
    spoof: Finding | None
    """None without a spoof detector."""
    adversarial: Finding | None
    """None without an adversarial detector."""

    @classmethod
    def of(
        cls,
        identity: Verdict | Identification,
        findings: Sequence[Finding] = (),
        *,
        objection: str = "",
    ) -> Self:
        """Join what was found of one clip; to what the gate has an `objection`, no detector counts.

        A calibrated detector that objects decides, of two the one further below its threshold, of equals
        the spoof detector; where only an uncalibrated one objects, nothing is decided.
        """
        by_kind: dict[Kind, Finding] = {finding.kind: finding for finding in findings}
        asked = [by_kind[kind] for kind in KINDS if kind in by_kind]
        sentences = [one.reason(counted=not objection) for one in asked]
        decision: Decision = identity.decision
        reason = identity.reason
        objecting = [] if objection else [one for one in asked if one.objects]
        if objecting:
            # Who may accuse comes first, then who is surer; of equals the order of KINDS stays.
            surest = min(objecting, key=lambda one: (not one.calibrated, one.llr - one.point.llr))
            decision = surest.kind if surest.calibrated else "undecided"
            reason = sentences[asked.index(surest)]
        return cls(
            decision=decision,
            reason=reason,
            reasons=(identity.reason, *sentences),
            identity=identity,
            spoof=by_kind.get("spoof"),
            adversarial=by_kind.get("adversarial"),
        )

    @property
    def name(self) -> str | None:
        """Who it was; None unless the decision is `known`."""
        if isinstance(self.identity, Verdict) or self.decision != "known":
            return None
        return self.identity.name

    @property
    def llr_same(self) -> float | None:
        """LLR in nats, above 0 for the same speaker, or for the nearest; None when uncalibrated."""
        if isinstance(self.identity, Verdict):
            return self.identity.llr
        return self.identity.candidates[0].llr if self.identity.candidates else None

    @property
    def p_same(self) -> float | None:
        """P(same speaker), or of the nearest, were the clip genuine; None when uncalibrated."""
        if isinstance(self.identity, Verdict):
            return self.identity.probability
        return self.identity.candidates[0].probability if self.identity.candidates else None

    @property
    def p_spoof(self) -> float | None:
        """P(forged) at the prior of the spoof detector; None without one."""
        return self.spoof.probability if self.spoof else None

    @property
    def llr_bonafide(self) -> float | None:
        """LLR of the spoof detector in nats, above 0 for bona fide speech; None without one."""
        return self.spoof.llr if self.spoof else None

    @property
    def p_adversarial(self) -> float | None:
        """P(attacked) at the prior of the adversarial detector; None without one."""
        return self.adversarial.probability if self.adversarial else None

    @property
    def llr_unattacked(self) -> float | None:
        """LLR of the adversarial detector in nats, above 0 for unattacked speech; None without one."""
        return self.adversarial.llr if self.adversarial else None

    @property
    def speech_s(self) -> float:
        """Seconds of speech, in the side that has less where two were compared."""
        return self.identity.speech_s

    @property
    def snr_db(self) -> float:
        """Decibels of speech over noise, in the noisier side where two were compared."""
        return self.identity.snr_db

    def to_json(self) -> dict[str, Any]:
        """All of it as a plain table, what the speaker model says under the names that it has there."""
        found = asdict(self.identity)
        if "name" in found:
            found["name"] = self.name
        return {
            **found,
            "decision": self.decision,
            "reason": self.reason,
            "reasons": list(self.reasons),
            "identity": self.identity.decision,
            "llr_same": self.llr_same,
            "p_same": self.p_same,
            "p_spoof": self.p_spoof,
            "llr_bonafide": self.llr_bonafide,
            "p_adversarial": self.p_adversarial,
            "llr_unattacked": self.llr_unattacked,
            "speech_s": self.speech_s,
            "snr_db": self.snr_db,
            "detectors": {"spoof": _about(self.spoof), "adversarial": _about(self.adversarial)},
        }


def _about(finding: Finding | None) -> dict[str, Any] | None:
    """Which detector it was, and at which point it objects."""
    if finding is None:
        return None
    return {
        "model": finding.bundle,
        "calibrated": finding.calibrated,
        **asdict(finding.point),
    }
