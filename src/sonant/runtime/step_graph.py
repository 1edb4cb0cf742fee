"""The step graph of a bundle, opened and compared with its card."""

from __future__ import annotations

import hashlib
from typing import Final

import onnxruntime

from sonant.card import Card, GraphSpec, StreamSpec
from sonant.errors import BundleError

STREAM: Final = "stream"
ERRORS_ONLY: Final = 3
"""onnxruntime's log level; its warnings speak of graph details no user can mend."""


def stream_of(card: Card) -> StreamSpec:
    """How the step graph runs; raises `BundleError` where a bundle has none."""
    stream = card.graphs[STREAM].stream if STREAM in card.graphs else None
    if stream is None:
        known = ", ".join(sorted(card.graphs)) or "none"
        raise BundleError(
            f"{card.path}: has no step graph '{STREAM}' (there: {known}); train a network that "
            f"streams, or make one with: sonant export {card.path} --format onnx --mode stream"
        )
    return stream


def open_step(card: Card, *, threads: int) -> onnxruntime.InferenceSession:
    """Open the file that was written and no other; raises `BundleError` where that is not possible."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = ERRORS_ONLY
    # A number of threads of our own choice also keeps onnxruntime from pinning them to cores.
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    name = card.graphs[STREAM].file
    file = card.file(name)
    graph = file.read_bytes()
    if hashlib.sha256(graph).hexdigest() != card.files[name]:
        raise BundleError(
            f"{file}: is not the file that was written (its sha256 differs); copy the bundle again"
        )
    try:
        return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors share no narrower class
        raise BundleError(f"{file}: onnxruntime cannot open it ({error})") from error


def hops_of(card: Card, session: onnxruntime.InferenceSession) -> int | None:
    """The hops that every step takes, None where any number.

    Raises `BundleError` where the graph has other ends than the card says.
    """
    spec, stream = card.graphs[STREAM], stream_of(card)
    _compare_ends(card, spec, stream, session)
    file = card.path / spec.file
    shapes = {end.name: end.shape for end in (*session.get_inputs(), *session.get_outputs())}
    for state in stream.states:
        if tuple(shapes[state.name][1:]) != state.shape:
            raise BundleError(
                f"{file}: '{state.name}' is {shapes[state.name]}, want [batch, "
                f"{', '.join(map(str, state.shape))}]"
            )
    labels, length = shapes[spec.output][1], shapes[spec.input][1]
    if isinstance(labels, int) and labels != len(card.labels):
        raise BundleError(f"{file}: answers {labels} labels, want {len(card.labels)}")
    if not isinstance(length, int):
        return None
    if length % stream.hop or not length:
        raise BundleError(
            f"{file}: takes {length} samples a step, want a multiple of the hop of {stream.hop}"
        )
    return length // stream.hop


def _compare_ends(
    card: Card, spec: GraphSpec, stream: StreamSpec, session: onnxruntime.InferenceSession
) -> None:
    wanted = [spec.input, *(state.name for state in stream.states)]
    promised = [spec.output, *(state.next for state in stream.states)]
    for side, ends, names in (
        ("inputs", session.get_inputs(), wanted),
        ("outputs", session.get_outputs(), promised),
    ):
        if {end.name for end in ends} != set(names):
            there = ", ".join(end.name for end in ends)
            raise BundleError(
                f"{card.path / spec.file}: has the {side} {there}, want {', '.join(names)}"
            )
