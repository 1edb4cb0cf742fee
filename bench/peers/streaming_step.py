"""One contender of bench/stream.py, in a process of its own: streaming_step.py FOLDER NAME.

Reads a number of steps from standard input, line by line, and answers with the nanoseconds of each
as JSON; an empty line ends it, and the answer is the peak of its memory.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Sound: TypeAlias = NDArray[np.float32]
Step: TypeAlias = Callable[[Sound], object]

ERRORS_ONLY = 3


def session_step(folder: Path, facts: dict[str, Any]) -> Step:
    """What an application calls."""
    from sonant.card import Card
    from sonant.runtime.session import StreamGraph

    return StreamGraph(Card.read(Path(facts["bundle"]))).open().push


def whole_step(folder: Path, facts: dict[str, Any]) -> Step:
    """The whole graph over the last second."""
    from sonant.card import Card
    from sonant.runtime.graph import WholeGraph

    graph = WholeGraph(Card.read(Path(facts["bundle"])), threads=1)
    return lambda clip: graph.probabilities(clip[None])


def _graph(facts: dict[str, Any]) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = ERRORS_ONLY
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    folder = Path(facts["bundle"]) / "graphs"
    # What a session runs for one hop.
    file = folder / "step.onnx" if (folder / "step.onnx").exists() else folder / "stream.onnx"
    return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


def _zeros(graph: Any) -> dict[str, NDArray[np.float32]]:
    """The states, in the order of the inputs."""
    return {end.name: np.zeros((1, *end.shape[1:]), np.float32) for end in graph.get_inputs()[1:]}


def bound_step(folder: Path, facts: dict[str, Any]) -> Step:
    """The least there is: two bindings in turns, and not even the samples are put in their place."""
    graph = _graph(facts)
    heard, *_ = (end.name for end in graph.get_inputs())
    answer, *after = (end.name for end in graph.get_outputs())
    sides = (_zeros(graph), _zeros(graph))
    samples = np.load(folder / "sound.npy")[:1, : facts["hop"]].copy()
    answers = np.zeros((1, facts["labels"], 1), np.float32)
    bindings = []
    for now, then in (sides, sides[::-1]):
        binding = graph.io_binding()
        places = [(heard, samples), *now.items()]
        for name, place in places:
            binding.bind_input(name, "cpu", 0, np.float32, place.shape, place.ctypes.data)
        for name, place in zip((answer, *after), (answers, *then.values()), strict=True):
            binding.bind_output(name, "cpu", 0, np.float32, place.shape, place.ctypes.data)
        bindings.append(binding)
    run, kept = graph.run_with_iobinding, [bindings, sides, samples, answers]

    def step(_: Sound) -> object:
        kept[0] = bindings[::-1] if kept[0] is bindings else bindings
        return run(kept[0][0])

    return step


def fed_step(folder: Path, facts: dict[str, Any]) -> Step:
    """As people write it: a dictionary in, a list out."""
    graph = _graph(facts)
    heard, *_ = (end.name for end in graph.get_inputs())
    states = _zeros(graph)

    def step(samples: Sound) -> object:
        nonlocal states
        answer, *after = graph.run(None, {heard: samples[None], **states})
        states = dict(zip(states, after, strict=True))
        return answer

    return step


def torch_step(folder: Path, facts: dict[str, Any]) -> Step:
    """`Streamable.step` in Python."""
    import torch

    from sonant import bundle
    from sonant.models.classifier import StreamingClassifier

    torch.set_num_threads(1)
    model = bundle.load_classifier(Path(facts["bundle"]))
    assert isinstance(model, StreamingClassifier)
    stream = model.eval().stream
    state = stream.initial_state(torch.zeros(1, 1, facts["hop"]))

    @torch.inference_mode()
    def step(samples: Sound) -> object:
        nonlocal state
        logits, state = stream.step(torch.from_numpy(samples)[None, None], state)
        return torch.softmax(logits, 1).numpy()

    return step


def tflite_step(path: Path) -> Step:
    """LiteRT's interpreter with its default delegate; states outside go from output to input."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path), num_threads=1)
    interpreter.allocate_tensors()
    runner = interpreter.get_signature_runner("serving_default")
    inputs, outputs = runner.get_input_details(), runner.get_output_details()
    pairs = []
    for name in inputs:
        for after in (f"{name}.next", f"next_{name}"):
            if after in outputs:
                pairs.append((inputs[name]["index"], outputs[after]["index"]))
                zero = inputs[name]["quantization"][1]
                silence = np.full(inputs[name]["shape"], zero, inputs[name]["dtype"])
                interpreter.set_tensor(inputs[name]["index"], silence)
    (heard,) = {end["index"] for end in inputs.values()} - {before for before, _ in pairs}
    (answer,) = {end["index"] for end in outputs.values()} - {after for _, after in pairs}

    def step(samples: Sound) -> object:
        interpreter.set_tensor(heard, samples[None])
        interpreter.invoke()
        for before, after in pairs:
            interpreter.set_tensor(before, interpreter.get_tensor(after))
        return interpreter.get_tensor(answer)

    return step


STEPS: dict[str, Callable[[Path, dict[str, Any]], Step]] = {
    "session": session_step,
    "whole": whole_step,
    "bound": bound_step,
    "fed": fed_step,
    "eager": torch_step,
}


def peak_mb() -> float:
    """Of this program alone: the system's own figure begins with that of the process that began it."""
    status = Path("/proc/self/status")
    if status.exists():
        lines = status.read_text(encoding="ascii").splitlines()
        return float(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 / 1024


def main(folder: Path, name: str) -> None:
    """Answer until an empty line comes."""
    if hasattr(os, "sched_setaffinity") and os.environ.get("STREAM_CORE"):
        os.sched_setaffinity(0, {int(os.environ["STREAM_CORE"])})
    facts = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
    step = STEPS[name](folder, facts) if name in STEPS else tflite_step(folder / f"{name}.tflite")
    sound: Sound = np.load(folder / "sound.npy")[0]
    hop, length = facts["hop"], facts["samples"] if name.endswith("whole") else facts["hop"]
    chunks = [sound[at : at + length] for at in range(0, len(sound) - length + 1, hop)]
    now, at = time.perf_counter_ns, 0
    for line in sys.stdin:
        if not line.strip():
            break
        taken = []
        for _ in range(int(line)):
            chunk = chunks[at % len(chunks)]
            at += 1
            began = now()
            step(chunk)
            taken.append(now() - began)
        print(json.dumps(taken), flush=True)
    print(json.dumps(peak_mb()), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
