"""What `sonant speaker` prints of verdicts, names and clusters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from sonant import whole_file
from sonant.cli import console
from sonant.manifest import Item

if TYPE_CHECKING:
    from sonant.card import Card
    from sonant.countermeasures.answer import Answer
    from sonant.countermeasures.guards import Finding
    from sonant.speakers.agreement import Agreement
    from sonant.speakers.model import Grouped, Source
    from sonant.speakers.verdict import Identification

MOST_ROWS = 50
"""Clips that a table shows; --json has them all."""


def show(answer: Answer, *, card: Card, as_json: bool) -> None:
    """An answer with all that it rests on."""
    if as_json:
        console.result_json({"model": f"{card.name}/{card.version}", **answer.to_json()})
        return
    from sonant.speakers.verdict import Verdict

    found = answer.identity
    rows = [("why", reason) for reason in answer.reasons]
    if isinstance(found, Verdict):
        rows += [
            ("cosine", f"{found.cosine:.4f}"),
            ("LLR", _number(found.llr)),
            ("P(same speaker)", _number(found.probability)),
        ]
    else:
        _show_nearest(found)
    rows += _of_detector(answer.spoof, "forged", "bona fide")
    rows += _of_detector(answer.adversarial, "attacked", "unattacked")
    point = found.operating_point
    rows += [
        ("prior", f"{point.prior:g}"),
        ("cost of a miss, of a false accept", f"{point.cost_miss:g}, {point.cost_false_accept:g}"),
        ("speech", f"{found.speech_s:.2f} s"),
        ("speech over noise", f"{found.snr_db:.0f} dB"),
    ]
    console.table(("figure", "value"), rows, title=answer.name or answer.decision)


def _of_detector(finding: Finding | None, wrong: str, right: str) -> list[tuple[str, str]]:
    """Nothing without a detector."""
    if finding is None:
        return []
    return [
        (f"P({wrong})", f"{finding.probability:.4f}"),
        (f"LLR of {right} speech", f"{finding.llr:.4f}"),
    ]


def _show_nearest(found: Identification) -> None:
    rows = [
        (one.name, f"{one.cosine:.4f}", _number(one.llr), _number(one.probability))
        for one in found.candidates
    ]
    if rows:
        console.table(("nearest", "cosine", "LLR", "probability"), rows)


def show_groups(found: Grouped, *, as_json: bool) -> None:
    """Which clip is of which cluster, and how well that agrees with the speakers where they are known."""
    clusters = found.clusters
    labels, sure = clusters.labels.tolist(), clusters.confidence.tolist()
    agreed = _agreement(found.sources, labels)
    if as_json:
        rows = [
            {**place(one), "cluster": label, "confidence": trust}
            for one, label, trust in zip(found.sources, labels, sure, strict=True)
        ]
        left_out = [{**place(one), "reason": reason} for one, reason in found.left_out]
        held = {**asdict(agreed), "v_measure": agreed.v_measure} if agreed else None
        console.result_json(
            {"speakers": clusters.count, "clips": rows, "left_out": left_out, "agreement": held}
        )
        return
    order = sorted(range(len(labels)), key=lambda number: (labels[number], -sure[number]))
    console.table(
        ("clip", "cluster", "confidence"),
        [(place(found.sources[n])["path"], labels[n], f"{sure[n]:.3f}") for n in order[:MOST_ROWS]],
        title=f"{clusters.count} speakers in {len(labels)} clips",
    )
    if len(order) > MOST_ROWS:
        console.show(f"{len(order) - MOST_ROWS} more clips are not shown; --json has them all")
    if agreed:
        console.show(
            f"held against the speakers named: purity {agreed.purity:.3f}, V-measure {agreed.v_measure:.3f}"
        )


def draw(found: Grouped, path: Path) -> None:
    """A picture of the voices, a colour a cluster."""
    from sonant.speakers.map_plot import embedding_map

    picture = embedding_map(
        [one.embedding.vector for one in found.heard],
        found.clusters.labels.tolist(),
        names=[f"speaker {number}" for number in range(found.clusters.count)],
        confidence=found.clusters.confidence.tolist(),
    )
    whole_file.write_bytes(path, picture)


def place(source: Source) -> dict[str, object]:
    """Where a clip is, as JSON."""
    if not isinstance(source, Item):
        return {"path": str(source)}
    cut = {"start_s": source.start_s, "end_s": source.end_s}
    return {"path": str(source.path), **{name: at for name, at in cut.items() if at is not None}}


def _agreement(sources: Sequence[Source], labels: Sequence[int]) -> Agreement | None:
    from sonant.speakers.agreement import agreement

    speakers = [source.speaker for source in sources if isinstance(source, Item)]
    if len(speakers) < len(labels) or not all(speakers):
        return None
    return agreement(speakers, labels)


def _number(value: float | None) -> str:
    return "unknown: uncalibrated" if value is None else f"{value:.4f}"
