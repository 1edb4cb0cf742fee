"""`sonant data check`: what is wrong with a set of recordings, found before a model learns it."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from sonant.data.findings import EXAMPLES, KINDS, MIN_S, SEVERITIES, Finding, Kind, Severity
from sonant.data.judging import (
    judge_clips,
    judge_labels,
    judge_speakers,
    judge_splits,
    judge_twins,
    speaker_of,
)
from sonant.data.probe import Probe, probe_file
from sonant.data.twins import find_twins
from sonant.manifest import Manifest

__all__ = ["KINDS", "Audit", "Finding", "Kind", "LabelRow", "Severity", "audit", "audit_table"]

OnProgress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelRow:
    """How much there is of one label."""

    label: str
    clips: int
    seconds: float
    splits: Mapping[str, int]
    """Clips in each split."""


@dataclass(frozen=True, kw_only=True)
class Audit:
    """A manifest, what was measured of each of its clips, and what is wrong."""

    manifest: Manifest
    probes: tuple[Probe, ...]
    """One for each item of the manifest, in its order."""
    findings: tuple[Finding, ...]
    """By kind, in the order of `KINDS`."""

    @property
    def ok(self) -> bool:
        """Nothing worse than a note was found."""
        return all(finding.severity == "note" for finding in self.findings)

    @property
    def clips(self) -> int:
        """Number of clips in the manifest."""
        return len(self.probes)

    @property
    def seconds(self) -> float:
        """Length of all readable clips together."""
        return sum(probe.duration_s for probe in self.probes)

    @property
    def rates(self) -> dict[int, int]:
        """Number of clips at each sample rate in hertz, the most common first."""
        return dict(Counter(p.rate_hz for p in self.probes if p.rate_hz).most_common())

    @property
    def splits(self) -> dict[str, int]:
        """Number of clips in each split, training first; clips without one are not counted."""
        counts = Counter(item.split for item in self.manifest)
        return {split: counts[split] for split in self.manifest.splits}

    @property
    def speakers(self) -> int:
        """Number of speakers known."""
        return len({speaker_of(item) for item in self.manifest} - {""})

    @cached_property
    def labels(self) -> tuple[LabelRow, ...]:
        """Clips, seconds and splits of each label, sorted by label."""
        seconds: dict[str, float] = defaultdict(float)
        splits: dict[str, Counter[str]] = defaultdict(Counter)
        for item, probe in zip(self.manifest, self.probes, strict=True):
            seconds[item.label] += probe.duration_s
            splits[item.label][item.split] += 1
        return tuple(
            LabelRow(
                label=label,
                clips=splits[label].total(),
                seconds=seconds[label],
                splits=dict(sorted(splits[label].items())),
            )
            for label in sorted(splits)
        )

    def to_json(self) -> dict[str, Any]:
        """Everything but the measurements of each clip, as plain data."""
        return {
            "name": self.manifest.name,
            "ok": self.ok,
            "clips": self.clips,
            "seconds": round(self.seconds, 3),
            "speakers": self.speakers,
            "rates": {str(rate): clips for rate, clips in self.rates.items()},
            "splits": self.splits,
            "labels": [
                {
                    "label": row.label,
                    "clips": row.clips,
                    "seconds": round(row.seconds, 3),
                    "splits": dict(row.splits),
                }
                for row in self.labels
            ],
            "counts": dict(Counter(finding.kind for finding in self.findings)),
            "findings": [finding.to_json() for finding in self.findings],
        }


def audit(
    manifest: Manifest,
    *,
    rate_hz: int | None = None,
    min_s: float = MIN_S,
    workers: int | None = None,
    on_progress: OnProgress | None = None,
) -> Audit:
    """Decode every file of a manifest once and say what is wrong with the set.

    `rate_hz` is the rate the clips should have (the most common one when not given), `min_s` the
    shortest good clip in seconds, `workers` the number of threads (one for each core when not
    given). `on_progress(files done, files in all)` is called from the calling thread.
    """
    items = manifest.items
    pool = ThreadPoolExecutor(workers or os.cpu_count() or 1)
    try:
        probes = _probe_all(manifest, pool, on_progress)
        twins = find_twins(items, probes, run=pool.map)
    finally:
        pool.shutdown(cancel_futures=True)
    about_labels = list(judge_labels(items))
    known = {str(found.detail["label"]) for found in about_labels if "label" in found.detail}
    findings = [
        *judge_clips(items, probes, rate_hz=rate_hz, min_s=min_s),
        *judge_twins(items, twins),
        *judge_speakers(items, twins=twins),
        *about_labels,
        *judge_splits(items, known=known),
    ]
    order = {kind: place for place, kind in enumerate(KINDS)}
    findings.sort(key=lambda finding: order[finding.kind])
    return Audit(manifest=manifest, probes=tuple(probes), findings=tuple(findings))


def _probe_all(
    manifest: Manifest, pool: ThreadPoolExecutor, on_progress: OnProgress | None
) -> list[Probe]:
    """Measure all clips, opening each file once."""
    places: dict[Path, list[int]] = defaultdict(list)
    for position, item in enumerate(manifest):
        places[item.path].append(position)
    items = manifest.items
    jobs = [(path, [items[place] for place in own]) for path, own in places.items()]
    found: dict[int, Probe] = {}
    answers = pool.map(lambda job: probe_file(*job), jobs)
    for done, (own, probes) in enumerate(zip(places.values(), answers, strict=True), start=1):
        found.update(zip(own, probes, strict=True))
        if on_progress is not None:
            on_progress(done, len(jobs))
    return [found[position] for position in range(len(items))]


def audit_table(result: Audit) -> list[tuple[Kind, Severity, int, str]]:
    """Rows of (kind, severity, number of findings, first examples), the gravest first."""
    groups: dict[tuple[Severity, Kind], list[Finding]] = defaultdict(list)
    for finding in result.findings:
        groups[finding.severity, finding.kind].append(finding)
    kinds = list(KINDS)
    ranked = sorted(groups, key=lambda key: (SEVERITIES.index(key[0]), kinds.index(key[1])))
    return [
        (kind, severity, len(groups[severity, kind]), _examples(groups[severity, kind]))
        for severity, kind in ranked
    ]


def _examples(findings: list[Finding]) -> str:
    """The first messages of a group, one to a line."""
    more = len(findings) - EXAMPLES
    lines = [finding.message for finding in findings[:EXAMPLES]]
    return "\n".join([*lines, f"and {more:,} more"] if more > 0 else lines)
