"""What `sonant describe` says of bundles that make speech: converters and vocoders."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from sonant.card import Card, StreamSpec
    from sonant.nn.voice_mel_config import VoiceMel

CONVERSION: Final = "conversion"
VOCODING: Final = "vocoding"
MADE_OF: Final = {
    CONVERSION: "a mel spectrogram: what a source says, in a target's voice",
    VOCODING: "speech, from its mel spectrogram",
}
"""What a bundle answers, by its task."""
Fact = tuple[str, str]


def makes_speech(card: Card) -> bool:
    """Whether a bundle is one of these."""
    return card.task in MADE_OF


def facts(card: Card) -> Iterator[Fact]:
    """What goes in, what comes out, of what spectrogram, by which graphs, and who makes the sound."""
    from sonant.conversion.vocoders import voice_mel

    rate_hz = card.audio.rate_hz
    yield "task", card.task
    yield "answers", MADE_OF[card.task]
    yield "audio", f"of any length, at {rate_hz:,} Hz"
    yield "mel", _mel(voice_mel(card), rate_hz)
    for name, graph in card.graphs.items():
        yield (
            f"graph {name}",
            f"{graph.file}, gives {graph.output}, within {graph.max_difference:.2g}",
        )
    if card.task == CONVERSION:
        yield "vocoder", _vocoder(card)


def latency(card: Card) -> Iterator[Fact]:
    """How far behind its frames a vocoder sounds; a converter hears whole recordings."""
    if card.task == CONVERSION:
        yield "streams", "no: it hears source and target whole, long sources in windows"
        return
    stream = stream_of(card)
    if stream is None:
        yield "streams", "no: it was written without a graph of steps; train it again to have one"
        return
    rate_hz = card.audio.rate_hz
    yield "streams", f"{stream.hop:,} samples for each frame, {1000 * stream.hop / rate_hz:g} ms"
    frames = stream.delay // stream.hop
    yield "delay", f"{frames:,} frames, {1000 * stream.delay / rate_hz:g} ms"
    yield "state", f"{stream.bytes:,} bytes in {len(stream.states)} tensors"


def as_json(card: Card) -> dict[str, Any]:
    """The same for programs: `mel`, `graphs` and `vocoder`, None where there is none inside."""
    from sonant.conversion.vocoders import voice_mel

    inner = _nested(card)
    return {
        "mel": asdict(voice_mel(card)),
        "graphs": {name: asdict(graph) for name, graph in card.graphs.items()},
        "vocoder": inner
        and {
            "name": inner.name,
            "version": inner.version,
            "parameters": inner.model.parameters,
        },
    }


def next_step(card: Card, bundle: Path) -> Fact:
    """The command that uses it, and why."""
    if card.task == CONVERSION:
        command = f"sonant convert {bundle} --source A.wav --target B.wav --out converted"
        return command, "hear A's words in B's voice, with B's consent"
    return f"sonant convert CONVERTER --vocoder {bundle} ...", "let it sound conversions"


def stream_of(card: Card) -> StreamSpec | None:
    """How the bundle runs step by step, if it does."""
    return next((graph.stream for graph in card.graphs.values() if graph.stream), None)


def _mel(mel: VoiceMel, rate_hz: int) -> str:
    hop_ms = 1000 * mel.hop_length / rate_hz
    return (
        f"{mel.mels} filters from {mel.min_hz:g} to {mel.max_hz:g} Hz, windows of "
        f"{mel.window_length:,} samples every {mel.hop_length:,} ({hop_ms:g} ms)"
    )


def _vocoder(card: Card) -> str:
    inner = _nested(card)
    if inner is None:
        return "none inside: Griffin-Lim, or one given with --vocoder"
    parameters = inner.model.parameters
    return f"inside: {inner.name}, version {inner.version}, {parameters:,} parameters"


def _nested(card: Card) -> Card | None:
    """The card of the vocoder that a converter's bundle holds."""
    from sonant.card import Card
    from sonant.conversion.nesting import FOLDER
    from sonant.conversion.vocoders import VOCODER

    if card.task != CONVERSION or VOCODER not in card.graphs:
        return None
    return Card.read(card.path / FOLDER)
