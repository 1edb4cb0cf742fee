"""A voice converter as ONNX: a source and a target of any length in, a mel out, front end inside."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Final, TypeAlias, final

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sonant.errors import ExportError
from sonant.export.onnx import first_cause, quietly
from sonant.models.converter import VoiceConverter

SOURCE: Final = "source"
TARGET: Final = "target"
MEL: Final = "mel"
TOLERANCE: Final = 2e-3
"""Largest difference of a log magnitude between the graph and the model, in nepers: 0.02 dB."""
TRIED: Final = 37
"""Hops of the example that the graph is traced with; no layer is as wide."""

Clip: TypeAlias = NDArray[np.float32]


@final
class Conversion(nn.Module):
    """A converter as it leaves the house."""

    def __init__(self, converter: VoiceConverter) -> None:
        super().__init__()
        self.converter = converter

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """[batch, n] and [batch, m] samples -> log magnitudes [batch, mels, 1 + n // hop]."""
        mel: Tensor = self.converter(source.unsqueeze(1), target.unsqueeze(1))
        return mel


def exportable_converter(converter: VoiceConverter) -> Conversion:
    """A copy on the CPU, in float32 and evaluation mode."""
    model = Conversion(deepcopy(converter)).to("cpu", torch.float32)
    for part in (*model.parameters(), *model.buffers()):
        part.data = part.data.contiguous()
    return model.eval()


def export_converter(converter: VoiceConverter, path: Path, *, clips: Sequence[Clip] = ()) -> float:
    """Write a converter as ONNX and prove it; returns the largest difference of a log magnitude.

    Inputs are `source` [batch, n] and `target` [batch, m], samples, each one window at least; several
    clips of a target are given one behind the other. Output is `mel` [batch, mels, 1 + n // hop], in
    natural logarithms. Batch, n and m are free. The graph is held against the model on noise, on
    silence and on `clips`, each [samples], of different lengths. Raises `ExportError` with the
    exporter's reason, or where the two differ by more than `TOLERANCE`.
    """
    model = exportable_converter(converter)
    _write(model, path)
    return converter_difference(converter, path, pairs_of([*_sounds(converter), *clips]))


def pairs_of(clips: Sequence[Clip]) -> list[tuple[Clip, Clip]]:
    """Every clip with the one behind it for a target."""
    return list(zip(clips, [*clips[1:], *clips[:1]], strict=True))


def converter_difference(
    converter: VoiceConverter, path: Path, pairs: Sequence[tuple[Clip, Clip]]
) -> float:
    """How far the graph at `path` is from the model, on pairs one by one and two of a length together.

    Raises `ExportError` above `TOLERANCE`.
    """
    model = exportable_converter(converter)
    least = converter.front_end.config.window_length
    session = _session(path)
    worst = 0.0
    for source, target in _rows(pairs, least=least):
        with torch.no_grad():
            wanted = model(torch.from_numpy(source), torch.from_numpy(target)).numpy()
        (given,) = session.run([MEL], {SOURCE: source, TARGET: target})
        if given.shape != wanted.shape or not np.isfinite(given).all():
            raise ExportError(
                f"{path.name}: the ONNX graph gives {list(given.shape)} for {list(wanted.shape)}, or "
                "what is no number; it was not kept"
            )
        worst = max(worst, float(np.abs(given - wanted).max()))
    if not worst <= TOLERANCE:
        raise ExportError(
            f"{path.name}: the ONNX graph differs from the model by {worst:.2g} on {len(pairs)} pairs "
            f"of clips (allowed: {TOLERANCE:g}); it was not kept"
        )
    return worst


def _rows(pairs: Sequence[tuple[Clip, Clip]], *, least: int) -> list[tuple[Clip, Clip]]:
    """Pairs as batches of one, and the first two of them as a batch, cut to the shorter."""
    whole = [(_filled(source, least), _filled(target, least)) for source, target in pairs]
    rows = [(source[None], target[None]) for source, target in whole]
    if len(whole) > 1:
        two = list(zip(*whole[:2], strict=True))
        rows.append((_stacked(two[0]), _stacked(two[1])))
    return rows


def _stacked(clips: Sequence[Clip]) -> Clip:
    shortest = min(len(clip) for clip in clips)
    return np.stack([clip[:shortest] for clip in clips])


def _filled(clip: Clip, least: int) -> Clip:
    return np.pad(clip, (0, max(0, least - len(clip))))


def _write(model: Conversion, path: Path) -> None:
    config = model.converter.front_end.config
    window, hop = config.window_length, config.hop_length
    # Two of each, since a batch of one would be taken for a constant.
    source = torch.zeros(2, window + TRIED * hop + hop // 2)
    target = torch.zeros(2, window + (TRIED + 2) * hop + hop // 4)
    batch = torch.export.Dim("batch", min=1)
    n, m = torch.export.Dim("n", min=window), torch.export.Dim("m", min=window)
    try:
        with quietly(), torch.no_grad():
            program = torch.onnx.export(
                model,
                (source, target),
                dynamo=True,
                verbose=False,
                input_names=[SOURCE, TARGET],
                output_names=[MEL],
                dynamic_shapes=({0: batch, 1: n}, {0: batch, 1: m}),
                optimize=True,
            )
            assert program is not None
            program.save(str(path))
    except Exception as error:  # the exporter's own errors share no narrower class
        raise ExportError(
            f"the converter cannot be written as ONNX: {first_cause(error)}"
        ) from error


def _session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _sounds(converter: VoiceConverter) -> list[Clip]:
    """Noise of several lengths, and silence."""
    config = converter.front_end.config
    window, hop = config.window_length, config.hop_length
    draw = np.random.default_rng(0)
    lengths = (window, window + 1, window + 5 * hop - 1, window + 40 * hop)
    noise = [0.1 * draw.standard_normal(length, dtype=np.float32) for length in lengths]
    return [*noise, np.zeros(window + 10 * hop, np.float32)]
