"""`sonant describe`: what a bundle is, what it costs, and how far behind the sound it answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from sonant.cli import console, voice_facts

if TYPE_CHECKING:
    from sonant.card import AudioSpec, Card, StreamSpec

SPEAKERS = "speakers"
"""The task of bundles that embed voices."""
WHOLE_ONLY = "no: its front end or its network needs the whole clip"


def describe(
    bundle: Path = typer.Argument(..., help="A bundle, or the run folder it is in."),
    json: bool = typer.Option(False, "--json", help="Print it as one JSON object."),
) -> None:
    """Describe a bundle: what it answers, audio, size, cost and latency, whole and streaming, exports."""
    from sonant.card import Card, find

    card = Card.read(find(bundle))
    if json:
        console.result_json(_as_json(card))
    else:
        _print(card)
    if voice_facts.makes_speech(card):
        console.next_step(*voice_facts.next_step(card, bundle))
    elif any(graph.stream for graph in card.graphs.values()):
        console.next_step(f"sonant listen {bundle} mic", "hear what it makes of your voice")
    elif card.task == SPEAKERS:
        console.next_step(
            f"sonant speaker verify A.wav B.wav --model {bundle}", "ask whether two are one"
        )
    else:
        console.next_step(f"sonant predict {bundle} clip.wav", "ask it about a clip")


def _as_json(card: Card) -> dict[str, Any]:
    stream = voice_facts.stream_of(card)
    more = voice_facts.as_json(card) if voice_facts.makes_speech(card) else {}
    return {
        "name": card.name,
        "version": card.version,
        "task": card.task,
        "labels": list(card.labels),
        "audio": asdict(card.audio),
        "model": asdict(card.model),
        "stream": None if stream is None else asdict(stream) | {"state_bytes": stream.bytes},
        "operating_point": card.operating_point,
        "exports": {name: asdict(export) for name, export in card.exports.items()},
        "bytes": card.bytes,
        "licence": card.licence,
        **more,
    }


def _print(card: Card) -> None:
    audio = card.audio
    facts: list[tuple[str, str]] = [
        ("bundle", f"{card.name}, version {card.version}"),
        *_heard(card, audio),
        ("network", f"{card.model.name}, {card.model.parameters:,} parameters"),
        ("whole clip", f"{card.model.macs_per_second:,.0f} MACs per second of audio"),
        ("on disk", f"{card.bytes / 1e6:.2f} MB"),
    ]
    console.table(("what", "value"), [*facts, *_streaming(card), *_point(card)])
    if card.exports:
        console.table(
            ("export", "bytes", "largest difference"),
            [
                (name, export.report.get("bytes", ""), export.report.get("max_difference", ""))
                for name, export in card.exports.items()
            ],
        )


def _heard(card: Card, audio: AudioSpec) -> Iterator[tuple[str, str]]:
    """What goes in and what comes out."""
    if voice_facts.makes_speech(card):
        yield from voice_facts.facts(card)
        return
    if card.task == SPEAKERS:
        yield "answers", "embeddings of voices"
        yield "a clip", f"of any length, at {audio.rate_hz:,} Hz"
        return
    yield "labels", ", ".join(card.labels)
    yield "a clip", f"{audio.duration_s:g} s at {audio.rate_hz:,} Hz"


def _streaming(card: Card) -> Iterator[tuple[str, str]]:
    stream = voice_facts.stream_of(card)
    if voice_facts.makes_speech(card):
        yield from voice_facts.latency(card)
    elif stream is not None:
        yield from _latency(stream, card.audio.rate_hz)
    elif card.task != SPEAKERS:
        yield "streams", WHOLE_ONLY


def _latency(stream: StreamSpec, rate_hz: int) -> Iterator[tuple[str, str]]:
    def length(samples: int) -> str:
        return f"{samples:,} samples, {1000 * samples / rate_hz:g} ms"

    yield "streams", f"one answer for each hop of {length(stream.hop)}"
    yield "delay", f"{length(stream.delay)} of look-ahead"
    if stream.warm_up > stream.hop:
        yield "receptive field", f"{length(stream.warm_up)}: an answer hears so much"
    else:
        yield "receptive field", "all that was ever heard"
    yield "state", f"{stream.bytes:,} bytes in {len(stream.states)} tensors"
    yield "streaming", f"{stream.macs_per_second:,.0f} MACs per second of audio"


def _point(card: Card) -> Iterator[tuple[str, str]]:
    """How it decides, and what was measured of it."""
    point = card.operating_point
    if point is None:
        return
    if card.task == SPEAKERS:
        yield "calibrated", "yes" if "speakers" in point else "no"
        return
    decision = point.get("decision", {})
    own = "".join(f", {label} {level:.4g}" for label, level in decision.get("thresholds", ()))
    yield "threshold", f"{decision.get('threshold', 0.5):.4g}{own}"
    for name, unit, scale in (
        ("false_alarms_per_hour", "an hour", 1.0),
        ("false_rejects", "%", 100.0),
    ):
        found = point.get(name)
        if found:
            key = "per_hour" if "per_hour" in found else "share"
            low, high = (scale * bound for bound in found["interval"])
            yield (
                name.removesuffix("_per_hour").replace("_", " "),
                f"{scale * found[key]:.3g} {unit} ({low:.3g} to {high:.3g}), {found['on']}",
            )
