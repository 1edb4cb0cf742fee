"""How many cases of each group are green, a documented deviation, or failed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

KINDS = ("green", "deviation", "failed")


@dataclass
class Tally:
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    reasons: dict[str, str] = field(default_factory=dict)
    """Case -> why we do otherwise."""

    def __bool__(self) -> bool:
        return bool(self.counts)

    def green(self, case: dict[str, object]) -> None:
        self.counts[str(case["group"]), "green"] += 1

    def deviates(self, case: dict[str, object], reason: str) -> None:
        self.counts[str(case["group"]), "deviation"] += 1
        self.reasons[str(case["name"])] = reason

    def failed(self, case: dict[str, object]) -> None:
        self.counts[str(case["group"]), "failed"] += 1

    def text(self) -> str:
        groups = dict.fromkeys(group for group, _ in self.counts)
        rows = [[group, *(self.counts[group, kind] for kind in KINDS)] for group in groups]
        rows.append(["all", *(sum(self.counts[group, kind] for group in groups) for kind in KINDS)])
        lines = [f"{'group':<26}{'green':>8}{'deviation':>12}{'failed':>8}"]
        lines += [f"{name:<26}{green:>8}{other:>12}{bad:>8}" for name, green, other, bad in rows]
        lines += [f"deviation {name}: {reason}" for name, reason in self.reasons.items()]
        return "\n".join(lines)
