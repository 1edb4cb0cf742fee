"""The whole-clip ONNX graph of a bundle: samples in, probabilities out, with no torch in sight."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from typing import Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from sonant.audio import Samples
from sonant.card import GOLDEN, Card
from sonant.errors import BundleError
from sonant.runtime.reading import usable_cores

WHOLE: Final = "whole"
ERRORS_ONLY: Final = 3
"""onnxruntime's log level; its warnings speak of graph details no user can mend."""


class WholeGraph:
    """`graphs/whole.onnx` of a bundle, ready to answer on the CPU."""

    def __init__(self, card: Card, *, threads: int | None = None) -> None:
        """Open the graph; `threads` limits its own, and all usable cores are the default.

        Raises `BundleError` when the graph is missing, damaged, or does not fit the card.
        """
        if WHOLE not in card.graphs:
            known = ", ".join(sorted(card.graphs)) or "none"
            raise BundleError(
                f"{card.path}: has no graph '{WHOLE}' (there: {known}); train it again"
            )
        self.card: Final = card
        self.spec: Final = card.graphs[WHOLE]
        self.session: Final = open_graph(card, self.spec.file, threads or usable_cores())
        self._check("input", self.spec.input, self.session.get_inputs(), card.audio.samples)
        self._check("output", self.spec.output, self.session.get_outputs(), len(card.labels))

    def probabilities(self, samples: Samples) -> NDArray[np.float32]:
        """[batch, samples] -> [batch, labels], each row adding up to 1.

        Raises `BundleError` when the samples have another shape or type than the graph wants.
        """
        if samples.ndim != 2 or samples.shape[1] != self.card.audio.samples:
            raise BundleError(
                f"{self.card.name}: the graph wants samples [batch, {self.card.audio.samples}], "
                f"not {list(samples.shape)}; fit them with sonant.audio.fit_length"
            )
        if samples.dtype != np.float32:
            raise BundleError(f"{self.card.name}: the graph wants float32, not {samples.dtype}")
        if not len(samples):
            return np.zeros((0, len(self.card.labels)), np.float32)
        answer = self._run(samples)
        if answer.shape != (len(samples), len(self.card.labels)):
            raise BundleError(
                f"{self.card.path / self.spec.file}: answers {list(answer.shape)} to "
                f"{len(samples)} clips, want [{len(samples)}, {len(self.card.labels)}]"
            )
        return answer.astype(np.float32, copy=False)

    def _run(self, samples: Samples) -> NDArray[np.generic]:
        try:
            (answer,) = self.session.run([self.spec.output], {self.spec.input: samples})
        except Exception as error:  # onnxruntime's errors share no narrower class
            raise BundleError(f"{self.card.path / self.spec.file}: failed ({error})") from error
        return np.asarray(answer)

    def _check(
        self, side: str, name: str, ends: Sequence[onnxruntime.NodeArg], length: int
    ) -> None:
        """The graph has this end, [batch, `length`]; a length that it leaves free is no fault."""
        shapes = {end.name: end.shape for end in ends}
        file = self.card.path / self.spec.file
        if name not in shapes:
            raise BundleError(f"{file}: has no {side} '{name}'; there: {', '.join(shapes)}")
        # A free size is a name or None; a number is a fixed one.
        fixed = [size if isinstance(size, int) else None for size in shapes[name]]
        if fixed not in ([None, length], [None, None]):
            raise BundleError(f"{file}: {side} '{name}' is {shapes[name]}, want [batch, {length}]")


def check_golden(card: Card) -> float:
    """Run the golden clips again; returns the largest difference from the stored probabilities.

    Raises `BundleError` when golden.npz is damaged or an answer is not a number.
    """
    file = card.file(GOLDEN)
    try:
        with np.load(file, allow_pickle=False) as golden:
            samples, wanted = golden["samples"], golden["probabilities"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise BundleError(f"{file}: cannot be read ({error}); the bundle is damaged") from error
    given = WholeGraph(card).probabilities(samples)
    if given.shape != wanted.shape:
        raise BundleError(
            f"{file}: probabilities are {list(wanted.shape)}, not {list(given.shape)}"
        )
    worst = float(np.abs(given - wanted).max(initial=0.0))
    if not np.isfinite(worst):
        raise BundleError(f"{file}: an answer of the graph, or the stored one, is not a number")
    return worst


def open_graph(card: Card, name: str, threads: int) -> onnxruntime.InferenceSession:
    """Open a file of a bundle for whole clips; raises `BundleError` where onnxruntime cannot."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = ERRORS_ONLY
    # A number of threads of our own choice also keeps onnxruntime from pinning them to cores.
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Waiting threads that spin would take the cores from those that decode the next clips.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    file = card.file(name)
    try:
        return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors share no narrower class
        raise BundleError(f"{file}: onnxruntime cannot open it ({error})") from error
