"""Our messages are TensorFlow Serving's on the wire, and harm no others in the same process."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest
from google.protobuf import descriptor_pool

from sonant.serving.grpc.protos import FILES, MODELS, PREDICTION, message, methods, pool
from sonant.serving.status import Code

COMPARE = """
import importlib.util, sys, types
from pathlib import Path

home = Path(importlib.util.find_spec("tensorflow").origin).parent
package = types.ModuleType("tensorflow")
package.__path__ = [str(home)]
sys.modules["tensorflow"] = package  # its messages, without the seconds that the rest takes

from tensorflow.core.example import example_pb2
from tensorflow.core.framework import tensor_pb2
from tensorflow.core.protobuf import meta_graph_pb2
from sonant.serving.grpc.protos import message

def compare(ours, theirs):
    assert ours is not theirs and ours.full_name == theirs.full_name
    if ours.full_name in compared:
        return
    compared.append(ours.full_name)
    for field in ours.fields:
        other = theirs.fields_by_name[field.name]
        for fact in ("number", "type", "is_repeated"):
            assert getattr(field, fact) == getattr(other, fact), (ours.full_name, field.name, fact)
        oneofs = [side.containing_oneof and side.containing_oneof.name for side in (field, other)]
        assert oneofs[0] == oneofs[1], (ours.full_name, field.name)
        if field.message_type:
            compare(field.message_type, other.message_type)
        if field.enum_type:
            for value in field.enum_type.values:
                assert other.enum_type.values_by_name[value.name].number == value.number, value.name

compared = []
for genuine in (example_pb2.Example, tensor_pb2.TensorProto, meta_graph_pb2.SignatureDef):
    compare(message(genuine.DESCRIPTOR.full_name).DESCRIPTOR, genuine.DESCRIPTOR)
tensor = tensor_pb2.TensorProto(dtype=1, float_val=[1.5], string_val=[b"a"], uint64_val=[2**63])
tensor.tensor_shape.dim.add(size=-1, name="n")
again = message("tensorflow.TensorProto").FromString(tensor.SerializeToString())
assert again.SerializeToString(deterministic=True) == tensor.SerializeToString(deterministic=True)
print(*sorted(compared))
"""


def test_all_files_stand_in_a_pool_of_their_own() -> None:
    for file in FILES:
        assert pool().FindFileByName(file.name).package == file.package
    # TensorFlow, where it is loaded, has files of the same names in the pool of all.
    assert pool() is not descriptor_pool.Default()
    code = (
        "from google.protobuf import descriptor_pool; from sonant.serving.grpc.protos import FILES, pool; "
        "pool(); names = [file.name for file in FILES]; "
        "found = [n for n in names if _there(n)]; assert not found, found"
    )
    there = (
        "def _there(name):\n"
        "    try:\n"
        "        descriptor_pool.Default().FindFileByName(name)\n"
        "        return True\n"
        "    except KeyError:\n"
        "        return False\n"
    )
    subprocess.run([sys.executable, "-c", there + code], check=True)


def test_services_have_their_methods_and_a_request_for_each() -> None:
    assert sorted(methods(PREDICTION)) == [
        "Classify", "GetModelMetadata", "MultiInference", "Predict", "Regress",
    ]  # fmt: skip
    assert sorted(methods(MODELS)) == ["GetModelStatus", "HandleReloadConfigRequest"]
    assert methods(PREDICTION)["Predict"] is message("PredictRequest")


def test_a_request_is_these_bytes() -> None:
    request = message("PredictRequest")(output_filter=["y"])
    request.model_spec.name = "m"
    request.model_spec.version.value = 3
    request.inputs["x"].dtype = 1
    request.inputs["x"].float_val.append(1.0)
    assert request.SerializeToString() == (
        b"\x0a\x07\x0a\x01m\x12\x02\x08\x03"
        b"\x12\x0d\x0a\x01x\x12\x08\x08\x01\x2a\x04\x00\x00\x80\x3f"
        b"\x1a\x01y"
    )


def test_codes_are_grpcs() -> None:
    codes = message("StatusProto").DESCRIPTOR.fields_by_name["error_code"].enum_type
    assert codes.values_by_name["UNAUTHENTICATED"].number == Code.UNAUTHENTICATED == 16


def test_they_live_beside_tensorflows_own_and_agree_with_them() -> None:
    if importlib.util.find_spec("tensorflow") is None:
        pytest.skip("TensorFlow is not installed")
    done = subprocess.run([sys.executable, "-c", COMPARE], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert {"tensorflow.TensorProto", "tensorflow.TensorInfo", "tensorflow.Int64List"} <= set(
        done.stdout.split()
    )
