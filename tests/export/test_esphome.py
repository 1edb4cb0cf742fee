"""A wake word for ESPHome: bytes in, a byte out, operators that the device knows, and its manifest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from small_streams import BINS, features
from sonant.errors import ExportError
from sonant.export.esphome import FEATURES, REGISTERED, WakeWord, export_esphome
from sonant.export.tflite import Written
from sonant.nn.layers import Conv1d
from sonant.nn.recurrent import GRU
from sonant.nn.streaming import Chain, Pointwise, Streamable
from sonant.nn.windows import WindowDense

pytest.importorskip("tensorflow")
pytest.importorskip("ai_edge_litert")
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning:tensorflow"),
    pytest.mark.filterwarnings("ignore::UserWarning:tensorflow"),
]
WORD = WakeWord(
    wake_word="Hey you", author="A", website="https://example.org", trained_languages=("en",),
    probability_cutoff=0.9,
)  # fmt: skip


def network(*more: Streamable, labels: int = 2) -> Chain:
    torch.manual_seed(0)
    return Chain(
        Conv1d(BINS, 6, 5, stride=3),
        Pointwise(nn.BatchNorm1d(6)),
        Pointwise(nn.ReLU()),
        Conv1d(6, 6, 3, groups=6),
        *more,
        WindowDense([6], labels, 4),
    ).eval()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Written]:
    folder = tmp_path_factory.mktemp("esphome")
    return folder, export_esphome(
        network(), folder, name="hey", word=WORD, features=features(4, 300), label=1
    )


def run(path: Path, bytes_in: np.ndarray) -> tuple[Any, Any, list[int]]:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path))
    interpreter.allocate_tensors()
    (before,), (after,) = interpreter.get_input_details(), interpreter.get_output_details()
    answers = []
    for part in bytes_in:
        interpreter.set_tensor(before["index"], part[None])
        interpreter.invoke()
        answers.append(int(interpreter.get_tensor(after["index"])[0, 0]))
    return before, after, answers


def test_bytes_in_and_a_byte_out(made: tuple[Path, Written]) -> None:
    heard = features(1, 300)
    scale = FEATURES[1] / 255
    counted = np.clip(np.round(heard[0].numpy().T / scale) - 128, -128, 127).astype(np.int8)
    before, after, answers = run(made[0] / "hey.tflite", counted.reshape(100, 3, BINS))
    assert (before["dtype"], list(before["shape"])) == (np.int8, [1, 3, BINS])
    assert before["quantization"] == (pytest.approx(scale), -128)
    assert (after["dtype"], after["quantization"]) == (np.uint8, (1 / 256, 0))
    with torch.no_grad():
        wanted = torch.softmax(network()(heard), 1)[0, 1].numpy()
    assert np.abs(np.array(answers) / 256 - wanted).mean() < 0.02
    assert np.corrcoef(answers, wanted)[0, 1] > 0.98


def test_operators_are_those_that_the_device_registers(made: tuple[Path, Written]) -> None:
    assert set(made[1].operators) <= REGISTERED
    assert {"CALL_ONCE", "READ_VARIABLE", "ASSIGN_VARIABLE"} <= set(made[1].operators)


def test_the_manifest_is_of_the_second_version(made: tuple[Path, Written]) -> None:
    manifest = json.loads((made[0] / "hey.json").read_text())
    assert manifest["type"] == "micro"
    assert manifest["version"] == 2
    assert (made[0] / manifest["model"]).is_file()
    assert manifest["trained_languages"] == ["en"]
    assert set(manifest["micro"]) == {
        "probability_cutoff", "sliding_window_size", "feature_step_size", "tensor_arena_size",
        "minimum_esphome_version",
    }  # fmt: skip


def test_an_operator_that_the_device_does_not_know_is_named_with_its_layer(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"layers\.4.*is not registered by ESPHome"):
        export_esphome(
            network(GRU(6, 6)), tmp_path, name="hey", word=WORD, features=features(1, 30), label=1
        )
    assert not list(tmp_path.iterdir())


def test_more_than_two_labels_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="has two labels"):
        export_esphome(
            network(labels=3), tmp_path, name="hey", word=WORD, features=features(1, 30), label=1
        )
