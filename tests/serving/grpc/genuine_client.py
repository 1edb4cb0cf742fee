"""A client as its users write it, with the genuine stubs; run on its own: `genuine_client.py PORT FOLDER`.

It prints what it was told, as JSON. Nothing of sonant is imported here.
"""

from __future__ import annotations

import json
import struct
import sys
from typing import Any

import grpc
import tensorflow
from tensorflow.core.framework import tensor_pb2, types_pb2
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)

TIMEOUT_S = 20


def main(port: str, folder: str) -> dict[str, Any]:
    """Call every method once."""
    channel = grpc.insecure_channel(f"localhost:{port}")
    predictions = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    models = model_service_pb2_grpc.ModelServiceStub(channel)
    told: dict[str, Any] = {"tensorflow": tensorflow.__file__}
    told["predict"] = predicted(predictions)
    told["error"] = refused(predictions)
    told["classify"] = classified(predictions)
    told["regress"] = regressed(predictions)
    told["multi"] = inferred(predictions)
    told["metadata"] = described(predictions)
    status = get_model_status_pb2.GetModelStatusRequest()
    status.model_spec.name = "half_plus_two"
    found = models.GetModelStatus(status, timeout=TIMEOUT_S).model_version_status[0]
    state = get_model_status_pb2.ModelVersionStatus.State.Name(found.state)
    told["status"] = [found.version, state, found.status.error_code, found.status.error_message]
    reload = model_management_pb2.ReloadConfigRequest()
    config = reload.config.model_config_list.config.add()
    config.name, config.base_path, config.model_platform = "again", folder, "tensorflow"
    config.model_version_policy.specific.versions.append(7)
    config.version_labels["stable"] = 7
    told["reload"] = models.HandleReloadConfigRequest(reload, timeout=TIMEOUT_S).status.error_code
    after = predict_pb2.PredictRequest()
    after.model_spec.name, after.model_spec.version_label = "again", "stable"
    after.inputs["x"].CopyFrom(tensor(2.0))
    told["after"] = predictions.Predict(after, timeout=TIMEOUT_S).model_spec.version.value
    return told


def tensor(*values: float) -> Any:
    """What `make_tensor_proto` gives for an array of floats."""
    proto = tensor_pb2.TensorProto(dtype=types_pb2.DT_FLOAT)
    proto.tensor_shape.dim.add(size=len(values))
    proto.tensor_content = struct.pack(f"<{len(values)}f", *values)
    return proto


def predicted(stub: Any) -> Any:
    """Values, shape and spec of a prediction."""
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "half_plus_two"
    request.model_spec.version.value = 123
    request.inputs["x"].CopyFrom(tensor(2.0, 3.0))
    request.output_filter.append("y")
    reply = stub.Predict(request, timeout=TIMEOUT_S)
    y = reply.outputs["y"]
    shape = [dim.size for dim in y.tensor_shape.dim]
    spec = reply.model_spec
    said = [spec.name, spec.version.value, spec.signature_name]
    return [types_pb2.DataType.Name(y.dtype), shape, list(y.float_val), said]


def refused(stub: Any) -> Any:
    """Code and text of an error."""
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "nope"
    try:
        stub.Predict(request, timeout=TIMEOUT_S)
    except grpc.RpcError as error:
        return [error.code().name, error.details()]
    return None


def add_example(request: Any, value: float) -> None:
    """One example with the feature x."""
    example = request.input.example_list.examples.add()
    example.features.feature["x"].float_list.value.append(value)


def classified(stub: Any) -> Any:
    """Label and score."""
    request = classification_pb2.ClassificationRequest()
    request.model_spec.name = "half_plus_two"
    request.model_spec.signature_name = "classify_x_to_y"
    add_example(request, 2.0)
    reply = stub.Classify(request, timeout=TIMEOUT_S)
    first = reply.result.classifications[0].classes[0]
    return [first.label, first.score, reply.model_spec.version.value]


def regressed(stub: Any) -> Any:
    """The value, of an example that has x from the context."""
    request = regression_pb2.RegressionRequest()
    request.model_spec.name = "half_plus_two"
    request.model_spec.signature_name = "regress_x_to_y"
    several = request.input.example_list_with_context
    several.examples.add()
    several.context.features.feature["x"].float_list.value.append(4.0)
    return stub.Regress(request, timeout=TIMEOUT_S).result.regressions[0].value


def inferred(stub: Any) -> Any:
    """Score and value from one call."""
    request = inference_pb2.MultiInferenceRequest()
    for method in ("classify", "regress"):
        task = request.tasks.add(method_name=f"tensorflow/serving/{method}")
        task.model_spec.name = "half_plus_two"
        task.model_spec.signature_name = f"{method}_x_to_y"
    add_example(request, 2.0)
    first, second = stub.MultiInference(request, timeout=TIMEOUT_S).results
    score = first.classification_result.classifications[0].classes[0].score
    return [score, second.regression_result.regressions[0].value]


def described(stub: Any) -> Any:
    """The default signature's input, unpacked from the Any."""
    request = get_model_metadata_pb2.GetModelMetadataRequest()
    request.model_spec.name = "half_plus_two"
    request.metadata_field.append("signature_def")
    reply = stub.GetModelMetadata(request, timeout=TIMEOUT_S)
    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert reply.metadata["signature_def"].Unpack(signatures)
    default = signatures.signature_def["serving_default"]
    x = default.inputs["x"]
    shape = [dim.size for dim in x.tensor_shape.dim]
    return [default.method_name, x.name, types_pb2.DataType.Name(x.dtype), shape]


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
