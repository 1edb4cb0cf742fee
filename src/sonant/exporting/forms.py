"""The forms a model can take: each is written, run in its own runtime, and held to the model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sonant.errors import ExportError
from sonant.export import (
    one_hop,
    onnx,
    onnx_features,
    quantize,
    saved_model,
    saved_model_running,
    step,
    tflite,
    tflite_running,
)
from sonant.export.quantize import Gap
from sonant.export.translate_step import whole_graph
from sonant.exporting import proof
from sonant.exporting.form import Form, Format, Mode
from sonant.exporting.material import Material
from sonant.models.classifier import Classifier, StreamingClassifier
from sonant.nn.streaming import Streamable

Report: TypeAlias = dict[str, Any]

AGREEMENT: Final = 0.9
"""Share of the answers on which float is sure that 8 bits have to give too."""
ONE_HOP: Final = "step.onnx"
"""Beside a step graph for any length, the one for exactly one hop."""
DRIFT: Final = 0.02
"""Mean difference that an 8-bit stream may have gained by the end of long audio."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """One form on its way: the model it is made of, where it goes, what proves it."""

    form: Form
    model: Classifier
    path: Path
    material: Material
    strict: bool = True
    """Whether 8 bits have to agree with float; before a training nothing is sure."""

    @property
    def streaming(self) -> StreamingClassifier:
        """The model, which must stream."""
        if not isinstance(self.model, StreamingClassifier):
            raise ExportError(
                "this model does not stream: its network or its front end needs the whole clip; "
                "export it with --mode whole, or train one that streams (`sonant recipes`)"
            )
        return self.model

    @property
    def stream(self) -> Streamable:
        """What is written step by step: everything, or the network behind a front end elsewhere."""
        return self.streaming.stream if self.form.front_end else self.streaming.network

    @property
    def whole(self) -> nn.Module:
        """What answers to whole clips: everything, or the network behind a front end elsewhere."""
        return self.model if self.form.front_end else Network(self.model.network)

    @property
    def bins(self) -> int | None:
        """Features in a frame, where they come from outside."""
        samples = self.material.clips.shape[1]
        return None if self.form.front_end else self.model.front_end.shape(samples)[0]

    def heard(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """What the form is given for [clips, samples]: these, or their features."""
        if self.form.front_end:
            return samples
        front_end = self.model.front_end
        with torch.no_grad():
            features: Tensor = front_end(torch.from_numpy(samples).unsqueeze(1))
        return features.numpy()

    def clips(self) -> list[NDArray[np.float32]]:
        """Each clip as a stream of its own, with silence in front so that it ends with a hop."""
        hop = int(self.streaming.stream.hop)
        lead = -self.material.clips.shape[1] % hop
        clips = np.pad(self.material.clips, ((0, 0), (lead, 0)))
        return list(self.heard(clips))

    @property
    def samples_per_answer(self) -> int:
        """Of the whole model, wherever the front end runs."""
        return int(self.streaming.stream.hop)

    @property
    def states(self) -> Literal["outside", "inside"]:
        """Where a stream keeps what it remembers."""
        return "inside" if self.form.mode == "stream-internal" else "outside"

    def never_reset(self, answers: proof.Answers) -> float | None:
        """Share of clips that one stream over all of them is right about."""
        return proof.accuracy_never_reset(
            answers,
            self.material,
            samples_per_answer=self.samples_per_answer,
            delay=int(self.streaming.stream.delay),
        )


def onnx_whole(made: Made) -> Report:
    """Free batch; 8 bits are calibrated on clips."""
    source = made.path.with_name("float.onnx") if made.form.int8 else made.path
    clips = made.heard(made.material.clips)
    onnx.export_clips(made.whole, source, shape=clips.shape[1:])
    report: Report = {"max_difference": onnx.difference(made.whole, source, clips)}
    if made.form.int8:
        calibration = made.heard(made.material.calibration)
        quantize.quantize_whole(source, made.path, clips=calibration)
        report = _within(made, quantize.whole_gap(source, made.path, clips))
        source.unlink()
    answers = quantize.whole_answers(made.path, clips)
    return report | {"accuracy": proof.accuracy_of_clips(answers, made.material)}


def onnx_stream(made: Made) -> Report:
    """States by name; 8 bits learn from streams never reset."""
    source = made.path.with_name("float.onnx") if made.form.int8 else made.path
    report = _onnx_step(made, source)
    long = made.heard(made.material.long[None])[0]
    answers = _hear(made, source)(long)
    if made.form.int8:
        streams = made.heard(made.material.streams)
        quantize.quantize_step(
            source, made.path, heard=streams, hop=int(made.stream.hop),
            float_layers=quantize.FLOAT_LAYERS if made.form.front_end else (),
        )  # fmt: skip
        wanted, answers = answers, _hear(made, made.path)(long)
        report = _within(made, quantize.gap(wanted, answers))
        source.unlink()
    states = step.specification(made.stream, macs_per_second=0.0)
    accuracies = _accuracies(made, _hear(made, made.path), answers)
    return report | accuracies | {"state_bytes": states.bytes}


def _onnx_step(made: Made, source: Path) -> Report:
    """Of samples for any length, and beside it a graph for one hop; of features for one hop alone."""
    stream, samples = made.stream, made.material.clips[:16]
    if made.bins is not None:
        onnx_features.export_step(stream, source, bins=made.bins)
        (features,) = made.heard(samples.reshape(1, -1))
        wanted = tflite_running.whole_signal(stream, features)
        given = onnx_features.FeatureRunner(source).answers(features)
        return {"max_difference": tflite_running.refuse_apart(source, wanted, given)}
    fixed = step.export_step(stream, source)
    report: Report = {"max_difference": step.difference(stream, source, samples)}
    if not made.form.int8:
        plain = source if fixed == 1 else None
        short = one_hop.export_one_hop(stream, made.path.with_name(ONE_HOP), samples, plain=plain)
        report |= {"one_hop_max_difference": short}
    return report


def tflite_whole(made: Made) -> Report:
    """One clip at a time; 8 bits behind the front end, which stays float."""
    clips = made.heard(made.material.clips)
    calibration = torch.from_numpy(made.heard(made.material.calibration))
    written = tflite.export_whole(
        made.whole,
        made.path,
        shape=clips.shape[1:],
        calibration=list(torch.split(calibration, 1)) if made.form.int8 else (),
    )
    if made.form.int8:
        report = _within(made, tflite_running.whole_gap(made.whole, made.path, clips))
    else:
        report = {"max_difference": tflite_running.whole_difference(made.whole, made.path, clips)}
    runner = tflite_running.TfliteRunner(made.path)
    answers = np.concatenate([runner.step(clip[None]) for clip in clips])
    accuracy = {"accuracy": proof.accuracy_of_clips(answers, made.material)}
    return report | accuracy | _tflite(written)


def tflite_stream(made: Made) -> Report:
    """States as inputs and outputs, or inside the file as variables."""
    stream, long = made.stream, made.heard(made.material.long[None])[0]
    calibration = torch.from_numpy(made.heard(made.material.streams)) if made.form.int8 else None
    written = tflite.export_stream(
        stream,
        made.path,
        bins=made.bins,
        states=made.states,
        calibration=calibration,
        float_layers=("stream.layers.0",) if made.form.front_end else (),
    )
    runner = tflite_running.TfliteRunner(made.path)
    answers = runner.answers(long)
    wanted = tflite_running.whole_signal(stream, long)[: len(answers)]
    if made.form.int8:
        report = _within(made, quantize.gap(wanted, answers))
    else:
        report = {"max_difference": tflite_running.refuse_apart(made.path, wanted, answers)}
    return report | _accuracies(made, runner.answers, answers) | _tflite(written)


def saved_model_whole(made: Made) -> Report:
    """Signatures `serving_default` and, with the front end inside, `pcm`; free batch."""
    clips = made.heard(made.material.clips)
    model = whole_graph(made.whole, shape=clips.shape[1:])
    written = saved_model.write(model, made.path)
    worst = saved_model_running.difference(model, made.path, [clips[:16]])
    answers = saved_model_running.run_apart(made.path, {model.input: clips})[model.output]
    accuracy = proof.accuracy_of_clips(answers, made.material)
    return {"max_difference": worst, "accuracy": accuracy} | _saved_model(written)


def saved_model_stream(made: Made) -> Report:
    """States as inputs and outputs with a free batch, or inside as variables of one stream."""
    long = made.heard(made.material.long[None])
    written = saved_model.export_stream(made.stream, made.path, bins=made.bins, states=made.states)
    clips = np.stack(made.clips())
    (answers,), alone = (
        lot.transpose(0, 2, 1) for lot in saved_model_running.hear_apart(made.path, [long, clips])
    )
    wanted = tflite_running.whole_signal(made.stream, long[0])[: len(answers)]
    report: Report = {
        "max_difference": tflite_running.refuse_apart(made.path, wanted, answers),
        "accuracy_reset": proof.accuracy_of_clips(alone[:, -1], made.material),
        "accuracy_never_reset": made.never_reset(answers),
    }
    return report | _saved_model(written)


FORMS: Final[Mapping[tuple[Format, Mode], Callable[[Made], Report]]] = {
    ("onnx", "whole"): onnx_whole,
    ("onnx", "stream"): onnx_stream,
    ("tflite", "whole"): tflite_whole,
    ("tflite", "stream"): tflite_stream,
    ("tflite", "stream-internal"): tflite_stream,
    ("saved_model", "whole"): saved_model_whole,
    ("saved_model", "stream"): saved_model_stream,
    ("saved_model", "stream-internal"): saved_model_stream,
}


class Network(nn.Module):
    """The network alone, for features [batch, bins, frames]: the answer about a clip."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, features: Tensor) -> Tensor:
        """[batch, bins, frames] -> logits [batch, labels]."""
        if isinstance(self.network, Streamable):
            return self.network.last(features).squeeze(-1)
        logits: Tensor = self.network(features)
        return logits


def _hear(made: Made, path: Path) -> proof.Hear:
    """A step graph in onnxruntime, in steps as long as it takes."""
    if made.bins is not None:
        return onnx_features.FeatureRunner(path).answers
    runner = step.StepRunner(path, hop=made.samples_per_answer)

    def hear(heard: NDArray[np.float32]) -> proof.Answers:
        whole = heard[None, : len(heard) // runner.least * runner.least]
        answers: proof.Answers = runner.run(whole, hops=runner.cuts(alone=False)[-1])[0].T
        return answers

    return hear


def _accuracies(made: Made, hear: proof.Hear, long: proof.Answers) -> Report:
    """Of each clip by itself, and of `long`, the answers to all of them in one stream."""
    return {
        "accuracy_reset": proof.accuracy_reset(hear, made.clips(), made.material),
        "accuracy_never_reset": made.never_reset(long),
    }


def _within(made: Made, gap: Gap) -> Report:
    """Raise `ExportError` where 8 bits are too far from float."""
    if made.strict and (gap.clear_agreement < AGREEMENT or gap.drift > DRIFT):
        raise ExportError(
            f"{made.form.file}: in 8 bits {gap.clear_agreement:.1%} of the clear answers are those "
            f"of the float model (wanted: {AGREEMENT:.0%}), and the difference "
            f"grew by {gap.drift:.3f} (allowed: {DRIFT:g}); it was not kept. "
            f"Calibrate on more and louder clips with --data"
        )
    return asdict(gap)


def _tflite(written: tflite.Written) -> Report:
    return {
        "operators": list(written.operators),
        "arena_bytes": written.arena_bytes,
        "states": [asdict(state) for state in written.states],
    }


def _saved_model(written: saved_model.SavedModel) -> Report:
    return {
        "operators": list(written.operators),
        "signatures": list(written.signatures),
        "states": [asdict(state) for state in written.states],
    }
