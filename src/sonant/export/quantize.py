"""ONNX graphs in 8 bits, calibrated as they run, and how far 8 bits are from float.

Convolutions and dense layers of the network become 8-bit, weights with a scale for each channel. What
cuts and keeps states stays float, so a state leaves a step and enters the next one exactly as it was; so
does the front end, whose powers span more than 8 bits can.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from sonant.errors import ExportError, MissingExtra
from sonant.export.onnx import OUTPUT

EIGHT_BIT: Final = ("Conv", "Gemm", "MatMul")
FLOAT_LAYERS: Final = ("stream.layers.0", "classifier.front_end")
"""Where the front end stands in a step graph and in that of a whole clip."""
CLEAR = 0.1
"""Where float's best label leads by less than this, another answer is no fault of 8 bits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """How far the answers of two forms of a model are apart."""

    max_difference: float
    """Largest difference of a probability."""
    mean_difference: float
    """Of all probabilities."""
    agreement: float
    """Share of answers with the same label."""
    clear_agreement: float
    """The same among answers whose best label leads clearly; 1 where there is none."""
    drift: float
    """Mean difference in the last tenth of the answers, less that in the first tenth."""


def gap(wanted: NDArray[np.float32], given: NDArray[np.float32]) -> Gap:
    """Compare answers [answers, labels] in the order in which they were given."""
    apart = np.abs(wanted - given)
    ranked = np.sort(wanted, axis=1)
    same = wanted.argmax(1) == given.argmax(1)
    clear = ranked[:, -1] - ranked[:, -2] > CLEAR if wanted.shape[1] > 1 else ~same & same
    tenth = max(1, len(apart) // 10)
    return Gap(
        max_difference=float(apart.max()),
        mean_difference=float(apart.mean()),
        agreement=float(same.mean()),
        clear_agreement=float(same[clear].mean()) if clear.any() else 1.0,
        drift=float(apart[-tenth:].mean() - apart[:tenth].mean()),
    )


def quantize_step(
    source: Path, target: Path, *, heard: NDArray[np.float32], hop: int,
    float_layers: Sequence[str] = FLOAT_LAYERS,
) -> None:  # fmt: skip
    """Write the step graph at `source` in 8 bits, calibrated on streams that are never reset.

    `heard` is [streams, samples], long audio side by side, or [streams, bins, frames] where the graph
    takes features. Raises `ExportError`, `MissingExtra`.
    """
    _quantized(source, target, _StepFeeds(source, heard, hop=hop), float_layers=float_layers)


def quantize_whole(
    source: Path, target: Path, *, clips: NDArray[np.float32], batch: int = 32
) -> None:
    """Write the graph of whole clips at `source` in 8 bits, calibrated on clips [clips, ...]."""
    name = _session(source).get_inputs()[0].name
    feeds = [{name: clips[at : at + batch]} for at in range(0, len(clips), batch)]
    _quantized(source, target, _Feeds(iter(feeds)), float_layers=FLOAT_LAYERS)


def stream_gap(source: Path, target: Path, heard: NDArray[np.float32], *, hop: int) -> Gap:
    """Float against 8 bits on streams [streams, ..., time] that are never reset."""
    wanted, given = (
        np.stack(list(_StepFeeds(path, heard, hop=hop).answers())) for path in (source, target)
    )
    return gap(*(both.transpose(0, 1, 3, 2).reshape(-1, both.shape[2]) for both in (wanted, given)))


def whole_gap(source: Path, target: Path, clips: NDArray[np.float32]) -> Gap:
    """Float against 8 bits on whole clips [clips, ...]."""
    wanted, given = (whole_answers(path, clips) for path in (source, target))
    return gap(wanted, given)


class _Feeds:
    """What onnxruntime's calibration asks for its next inputs."""

    def __init__(self, feeds: Iterator[dict[str, Any]]) -> None:
        self._feeds = feeds

    def get_next(self) -> dict[str, Any] | None:
        """The inputs of one run; None behind the last."""
        return next(self._feeds, None)


class _StepFeeds(_Feeds):
    """The steps of long audio, with the states that the graph itself has come to."""

    def __init__(self, path: Path, heard: NDArray[np.float32], *, hop: int) -> None:
        self._session = _session(path)
        first, *self._states = self._session.get_inputs()
        length = first.shape[-1] if isinstance(first.shape[-1], int) else hop
        self._name, self._length, self._heard = first.name, length, heard
        self._answer: Any = None
        super().__init__(self._steps())

    def answers(self) -> Iterator[NDArray[np.float32]]:
        """Probabilities of every step, [streams, labels, frames]."""
        while self.get_next() is not None:
            yield self._answer

    def _steps(self) -> Iterator[dict[str, Any]]:
        count = len(self._heard)
        state = {end.name: np.zeros((count, *end.shape[1:]), np.float32) for end in self._states}
        for at in range(0, self._heard.shape[-1] - self._length + 1, self._length):
            feed = {self._name: self._heard[..., at : at + self._length], **state}
            self._answer, *after = self._session.run(None, feed)
            yield feed
            state = dict(zip(state, after, strict=True))


def whole_answers(path: Path, clips: NDArray[np.float32]) -> NDArray[np.float32]:
    """What the graph of whole clips at `path` says to [clips, ...]."""
    session = _session(path)
    answers: NDArray[np.float32] = session.run([OUTPUT], {session.get_inputs()[0].name: clips})[0]
    return answers


def _session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _quantized(source: Path, target: Path, feeds: _Feeds, *, float_layers: Sequence[str]) -> None:
    try:
        import onnx
        from onnxruntime.quantization import QuantFormat, QuantType, quantize_static
    except ModuleNotFoundError as error:
        raise MissingExtra("onnx", extra="train", purpose="quantising an ONNX graph") from error
    left_out = _float_nodes(onnx.load(str(source)).graph, float_layers)
    try:
        with _quietly():
            quantize_static(
                str(source),
                str(target),
                feeds,
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=list(EIGHT_BIT),
                per_channel=True,
                activation_type=QuantType.QInt8,
                weight_type=QuantType.QInt8,
                nodes_to_exclude=left_out,
                extra_options={"CalibMovingAverage": False},
            )
    except Exception as error:  # onnxruntime's own errors share no narrower class
        raise ExportError(f"{source.name} cannot be quantised: {error}") from error


def _float_nodes(graph: Any, layers: Sequence[str]) -> list[str]:
    """Names of the nodes of some layers, and of all that leads to them."""
    makers = {result: node for node in graph.node for result in node.output}

    def belongs(node: Any) -> bool:
        scopes = [prop.value for prop in node.metadata_props if prop.key.endswith("name_scopes")]
        names = [
            *node.input,
            *(part.strip("[]' ") for scope in scopes for part in scope.split(",")),
        ]
        return any(
            name == layer or name.startswith(f"{layer}.") for name in names for layer in layers
        )

    waiting = [node for node in graph.node if belongs(node)]
    found: dict[str, Any] = {}
    while waiting:
        node = waiting.pop()
        if node.name not in found:
            found[node.name] = node
            waiting += [makers[name] for name in node.input if name in makers]
    return sorted(found)


@contextmanager
def _quietly() -> Iterator[None]:
    """The quantiser recommends its own preprocessing on every call; the exporter has done that."""
    logger = logging.getLogger()
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
