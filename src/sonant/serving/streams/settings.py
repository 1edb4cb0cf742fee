"""How one connection listens: what `detect` may say beside the bundle's operating point."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from sonant.errors import RecipeError
from sonant.runtime.decision import Decision, watched
from sonant.serving.status import invalid
from sonant.serving.streams.messages import number, whole

PARTIALS_HZ: Final = 10.0
"""How often scores are told where a client asks for them and does not say how often."""
MOST_PARTIALS_HZ: Final = 50.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What one client has asked for."""

    partials_hz: float = 0.0
    """Scores a second, for meters; 0: none."""
    voice: bool = False
    """Whether to tell when speech begins and ends, where the model knows silence."""
    changes: Mapping[str, Any]
    """Of the operating point, by the names of `Decision`."""
    thresholds: Mapping[str, float]
    """Label -> its own."""

    def decision(self, base: Decision, labels: tuple[str, ...]) -> Decision:
        """The operating point with these changes; raises `Refusal` for values out of range."""
        changes = dict(self.changes)
        own = dict(base.thresholds) if "threshold" not in changes else {}
        own |= {label: level for label, level in self.thresholds.items() if label in labels}
        try:
            decision = replace(base, **changes, thresholds=tuple(own.items()))
            watched(decision, labels)
        except RecipeError as error:
            raise invalid(f"detect: {error}") from error
        return decision


UNSAID: Final = Settings(changes={}, thresholds={})


def settings_of(data: Mapping[str, Any]) -> Settings:
    """What the data of `detect` says; raises `Refusal` for what is of the wrong kind.

    `threshold`, `release`, `smoothing_ms`, `patience` (or `trigger_level`), `refractory_ms` (or
    `refractory_seconds`), `thresholds` by label, `partials` (true, or how many a second), `voice`.
    """
    changes: dict[str, Any] = {}
    for key in ("threshold", "release", "smoothing_ms", "refractory_ms"):
        if data.get(key) is not None:
            changes[key] = number(data, key, 0.0)
    if data.get("refractory_seconds") is not None:
        changes.setdefault("refractory_ms", 1000 * number(data, "refractory_seconds", 0.0))
    for key in ("trigger_level", "patience"):
        if data.get(key) is not None:
            changes["patience"] = whole(data, key, 1)
    return Settings(
        partials_hz=_partials_hz(data),
        voice=_flag(data, "voice"),
        changes=changes,
        thresholds=_thresholds(data),
    )


def to_json(decision: Decision, settings: Settings, *, hop_s: float) -> dict[str, Any]:
    """The settings in force, as `info` says them; lengths in milliseconds and in frames."""
    return {
        "threshold": decision.threshold,
        "thresholds": dict(decision.thresholds),
        "release": decision.release,
        "smoothing_ms": decision.smoothing_ms,
        "smoothing_frames": decision.smoothing(hop_s),
        "patience": decision.patience,
        "refractory_ms": decision.refractory_ms,
        "refractory_frames": decision.refractory(hop_s),
        "background": list(decision.background),
        "partials": settings.partials_hz,
        "voice": settings.voice,
    }


def _thresholds(data: Mapping[str, Any]) -> Mapping[str, float]:
    said = data.get("thresholds")
    if said is None:
        return {}
    if not isinstance(said, dict):
        raise invalid(f"thresholds: {said!r:.50} is not an object of label and threshold")
    return {label: number(said, label, 0.5) for label in said}


def _partials_hz(data: Mapping[str, Any]) -> float:
    said = data.get("partials")
    if isinstance(said, bool):
        return PARTIALS_HZ if said else 0.0
    hz = number(data, "partials", 0.0)
    if hz < 0:
        raise invalid(f"partials: {hz:g} times a second is none")
    return min(hz, MOST_PARTIALS_HZ)


def _flag(data: Mapping[str, Any], key: str) -> bool:
    said = data.get(key)
    if said is not None and not isinstance(said, bool):
        raise invalid(f"{key}: {said!r:.50} is neither true nor false")
    return bool(said)
