"""Bundles laid out for Triton: its own text format is read back by protobuf, its graph is run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format

from bundles import TONES_HZ, tone, write_bundle
from sonant.card import Card
from sonant.errors import BundleError, ExportError
from sonant.serving.engines import lay_out_triton, triton_config

FIELD = descriptor_pb2.FieldDescriptorProto
TYPES = {"TYPE_INVALID": 0, "TYPE_FP32": 11, "TYPE_STRING": 13}
MESSAGES = {
    "ModelInput": (("name", 1, "string"), ("data_type", 2, "DataType"), ("dims", 4, "int64s")),
    "ModelOutput": (
        ("name", 1, "string"), ("data_type", 2, "DataType"), ("dims", 3, "int64s"),
        ("label_filename", 4, "string"),
    ),
    "ModelDynamicBatching": (("preferred_batch_size", 1, "int64s"),),
    "ModelConfig": (
        ("name", 1, "string"), ("platform", 2, "string"), ("backend", 17, "string"),
        ("max_batch_size", 4, "int32"), ("input", 5, "ModelInputs"), ("output", 6, "ModelOutputs"),
        ("dynamic_batching", 11, "ModelDynamicBatching"),
    ),
}  # fmt: skip
"""The part of Triton's model_config.proto that is written here, with its names and numbers."""
SCALARS = {"string": FIELD.TYPE_STRING, "int32": FIELD.TYPE_INT32, "int64": FIELD.TYPE_INT64}


def read(text: str) -> Any:
    """A config.pbtxt as Triton reads it: an unknown or mistyped field is an error."""
    file = descriptor_pb2.FileDescriptorProto(name="model_config.proto", package="inference")
    file.syntax = "proto3"
    kinds = file.enum_type.add(name="DataType")
    for name, number in TYPES.items():
        kinds.value.add(name=name, number=number)
    for message, fields in MESSAGES.items():
        made = file.message_type.add(name=message)
        for name, number, kind in fields:
            single = kind.removesuffix("s") if kind not in ("string",) else kind
            field = made.field.add(name=name, number=number, label=FIELD.LABEL_OPTIONAL)
            if single != kind:
                field.label = FIELD.LABEL_REPEATED
            if single in SCALARS:
                field.type = SCALARS[single]
            else:
                field.type = FIELD.TYPE_ENUM if single == "DataType" else FIELD.TYPE_MESSAGE
                field.type_name = f".inference.{single}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    found = message_factory.GetMessageClass(pool.FindMessageTypeByName("inference.ModelConfig"))()
    return text_format.Parse(text, found)


def test_the_description_is_read_by_protobuf_and_says_what_the_card_says(tiny_bundle: Path) -> None:
    config = read(triton_config(Card.read(tiny_bundle), max_batch_size=64))
    assert (config.name, config.platform, config.backend) == (
        "tones", "onnxruntime_onnx", "onnxruntime",
    )  # fmt: skip
    assert config.max_batch_size == 64
    assert config.HasField("dynamic_batching")
    (given,), (answer,) = config.input, config.output
    assert (given.name, given.data_type, list(given.dims)) == (
        "samples", TYPES["TYPE_FP32"], [16_000],
    )  # fmt: skip
    assert (answer.name, list(answer.dims)) == ("probabilities", [3])
    assert answer.label_filename == "labels.txt"


def test_a_name_cannot_break_out_of_the_text(tmp_path: Path) -> None:
    name = 'a"b\nmax_batch_size: 7\tä'
    bundle = write_bundle(tmp_path, name=name)
    assert read(triton_config(Card.read(bundle))).name == name


def test_the_repository_holds_the_very_graph_the_description_and_the_labels(
    tiny_bundle: Path, tmp_path: Path
) -> None:
    home = lay_out_triton(tiny_bundle.parent, tmp_path / "repository")
    assert home == tmp_path / "repository" / "tones"
    assert sorted(path.relative_to(home).as_posix() for path in home.rglob("*")) == [
        "1", "1/model.onnx", "config.pbtxt", "labels.txt",
    ]  # fmt: skip
    assert (home / "labels.txt").read_text().split() == list(TONES_HZ)
    config = read((home / "config.pbtxt").read_text())
    session = onnxruntime.InferenceSession(home / "1" / "model.onnx")
    (answer,) = session.run([config.output[0].name], {config.input[0].name: tone("low")[None]})
    assert list(TONES_HZ)[int(np.argmax(answer))] == "low"
    assert os.access(home, os.R_OK | os.X_OK)
    assert home.stat().st_mode & 0o777 == 0o755


def test_a_further_version_goes_beside_the_first(tmp_path: Path) -> None:
    for version in (1, 2):
        bundle = write_bundle(tmp_path / "models", version=version)
        home = lay_out_triton(bundle, tmp_path / "repository")
    assert sorted(path.name for path in home.iterdir()) == ["1", "2", "config.pbtxt", "labels.txt"]


def test_a_version_is_never_rewritten(tiny_bundle: Path, tmp_path: Path) -> None:
    home = lay_out_triton(tiny_bundle, tmp_path)
    before = (home / "1" / "model.onnx").stat().st_mtime_ns
    with pytest.raises(ExportError, match="is there already"):
        lay_out_triton(tiny_bundle, tmp_path)
    assert (home / "1" / "model.onnx").stat().st_mtime_ns == before


def test_another_model_of_the_same_name_is_refused(tmp_path: Path) -> None:
    lay_out_triton(write_bundle(tmp_path / "a"), tmp_path / "repository")
    other = write_bundle(tmp_path / "b", version=2, labels=["low", "high"])
    with pytest.raises(ExportError, match="describes another model"):
        lay_out_triton(other, tmp_path / "repository")
    assert not (tmp_path / "repository" / "tones" / "2").exists()


def test_nothing_is_left_behind_where_it_cannot_be_written(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copyfile", full)
    with pytest.raises(ExportError, match="No space left"):
        lay_out_triton(tiny_bundle, tmp_path / "repository")
    assert list((tmp_path / "repository").iterdir()) == []


def test_a_damaged_bundle_is_not_laid_out(tiny_bundle: Path, tmp_path: Path) -> None:
    with (tiny_bundle / "graphs" / "whole.onnx").open("ab") as file:
        file.write(b"more")
    with pytest.raises(BundleError, match="sha256"):
        lay_out_triton(tiny_bundle, tmp_path / "repository")
    assert not (tmp_path / "repository").exists()


def test_a_bundle_without_a_graph_of_clips_and_a_label_of_two_lines_are_refused(
    tmp_path: Path,
) -> None:
    none = write_bundle(tmp_path / "a", changes={"graphs": {}})
    with pytest.raises(ExportError, match="no graph of whole clips"):
        lay_out_triton(none, tmp_path / "repository")
    two = write_bundle(tmp_path / "b", changes={"labels": ["high", "low\nlow", "mid"]})
    with pytest.raises(ExportError, match="does not fit on one line"):
        lay_out_triton(two, tmp_path / "repository")
