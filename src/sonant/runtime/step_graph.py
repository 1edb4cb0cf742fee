"""The step graphs of a bundle, opened and compared with its card."""

from __future__ import annotations

import hashlib
from typing import Final

import onnxruntime

from sonant.card import Card, GraphSpec, StreamSpec
from sonant.errors import BundleError

STREAM: Final = "stream"
"""The graph for steps of any length."""
ONE_HOP: Final = "step"
"""Where there is one: the same for steps of one hop, from operators that suit so few frames."""
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


def open_step(card: Card, *, threads: int, graph: str = STREAM) -> onnxruntime.InferenceSession:
    """Open the file that was written and no other; raises `BundleError` where that is not possible."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = ERRORS_ONLY
    # A number of threads of our own choice also keeps onnxruntime from pinning them to cores.
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    name = card.graphs[graph].file
    file = card.file(name)
    written = file.read_bytes()
    if hashlib.sha256(written).hexdigest() != card.files[name]:
        raise BundleError(
            f"{file}: is not the file that was written (its sha256 differs); copy the bundle again"
        )
    try:
        return onnxruntime.InferenceSession(written, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors share no narrower class
        raise BundleError(f"{file}: onnxruntime cannot open it ({error})") from error


def open_one_hop(card: Card, *, threads: int, values: int) -> onnxruntime.InferenceSession | None:
    """The graph for one hop, whose answers have so many `values`; None in a bundle that has none.

    Raises `BundleError` where it takes another length, or its states are not those of the other graph:
    a stream goes from one to the other.
    """
    if ONE_HOP not in card.graphs:
        return None
    session = open_step(card, threads=threads, graph=ONE_HOP)
    spec, other = card.graphs[ONE_HOP], card.graphs[STREAM]
    same = (spec.input, spec.output, spec.stream) == (other.input, other.output, other.stream)
    if (
        not same
        or hops_of(card, session, graph=ONE_HOP) != 1
        or values_of(card, session, graph=ONE_HOP) != values
    ):
        raise BundleError(
            f"{card.path / spec.file}: is no step of one hop of {other.file}; copy the bundle again"
        )
    return session


def hops_of(
    card: Card, session: onnxruntime.InferenceSession, *, graph: str = STREAM
) -> int | None:
    """The hops that every step takes, None where any number.

    Raises `BundleError` where the graph has other ends than the card says.
    """
    spec, stream = card.graphs[graph], stream_of(card)
    _compare_ends(card, spec, stream, session)
    file = card.path / spec.file
    shapes = {end.name: end.shape for end in (*session.get_inputs(), *session.get_outputs())}
    for state in stream.states:
        if tuple(shapes[state.name][1:]) != state.shape:
            raise BundleError(
                f"{file}: '{state.name}' is {shapes[state.name]}, want [batch, "
                f"{', '.join(map(str, state.shape))}]"
            )
    length = shapes[spec.input][1]
    if not isinstance(length, int):
        return None
    if length % stream.hop or not length:
        raise BundleError(
            f"{file}: takes {length} samples a step, want a multiple of the hop of {stream.hop}"
        )
    return length // stream.hop


def values_of(card: Card, session: onnxruntime.InferenceSession, *, graph: str = STREAM) -> int:
    """How many values an answer has: one for each label, or those of an embedding where there are none.

    Raises `BundleError` where they are not as many as the labels, or nothing says how many.
    """
    spec = card.graphs[graph]
    values = {end.name: end.shape for end in session.get_outputs()}[spec.output][1]
    wanted = len(card.labels) or values
    if not isinstance(wanted, int) or (isinstance(values, int) and values != wanted):
        raise BundleError(
            f"{card.path / spec.file}: answers {values} values a frame, want "
            f"{len(card.labels) or 'a fixed number of them'}"
        )
    return wanted


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
