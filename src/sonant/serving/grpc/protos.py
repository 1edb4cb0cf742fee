"""TensorFlow Serving's messages, as far as a client and this server have to understand each other.

Names and numbers are those on TensorFlow Serving's wire; fields that are not here are ignored, as
protobuf has it. Reflection shows these.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from google.protobuf import any_pb2, wrappers_pb2
from google.protobuf.message_factory import GetMessageClass

from sonant.serving.grpc.descriptors import File, pool_of
from sonant.serving.status import Code

PREDICTION: Final = "tensorflow.serving.PredictionService"
MODELS: Final = "tensorflow.serving.ModelService"

_SHAPE: Final = "tensorflow/core/framework/tensor_shape.proto"
_TYPES: Final = "tensorflow/core/framework/types.proto"
_TENSOR: Final = "tensorflow/core/framework/tensor.proto"
_FEATURE: Final = "tensorflow/core/example/feature.proto"
_EXAMPLE: Final = "tensorflow/core/example/example.proto"
_GRAPH: Final = "tensorflow/core/protobuf/meta_graph.proto"
_ERRORS: Final = "tensorflow/core/protobuf/error_codes.proto"
_MODEL: Final = "tensorflow_serving/apis/model.proto"
_INPUT: Final = "tensorflow_serving/apis/input.proto"
_PREDICT: Final = "tensorflow_serving/apis/predict.proto"
_CLASSIFICATION: Final = "tensorflow_serving/apis/classification.proto"
_REGRESSION: Final = "tensorflow_serving/apis/regression.proto"
_INFERENCE: Final = "tensorflow_serving/apis/inference.proto"
_METADATA: Final = "tensorflow_serving/apis/get_model_metadata.proto"
_STATUS_PROTO: Final = "tensorflow_serving/apis/status.proto"
_STATUS: Final = "tensorflow_serving/apis/get_model_status.proto"
_SOURCE: Final = "tensorflow_serving/config/file_system_storage_path_source.proto"
_CONFIG: Final = "tensorflow_serving/config/model_server_config.proto"
_MANAGEMENT: Final = "tensorflow_serving/apis/model_management.proto"

_TENSORFLOW: Final = (
    File(
        name=_SHAPE,
        package="tensorflow",
        messages={
            "TensorShapeProto": "dim=2:TensorShapeProto.Dim* unknown_rank=3:bool",
            "TensorShapeProto.Dim": "size=1:int64 name=2:string",
        },
    ),
    File(
        name=_TYPES,
        package="tensorflow",
        enums={
            "DataType": "DT_INVALID=0 DT_FLOAT=1 DT_DOUBLE=2 DT_INT32=3 DT_UINT8=4 DT_INT16=5 DT_INT8=6 "
            "DT_STRING=7 DT_COMPLEX64=8 DT_INT64=9 DT_BOOL=10 DT_QINT8=11 DT_QUINT8=12 DT_QINT32=13 "
            "DT_BFLOAT16=14 DT_QINT16=15 DT_QUINT16=16 DT_UINT16=17 DT_COMPLEX128=18 DT_HALF=19 "
            "DT_RESOURCE=20 DT_VARIANT=21 DT_UINT32=22 DT_UINT64=23",
        },
    ),
    File(
        name=_TENSOR,
        package="tensorflow",
        imports=(_SHAPE, _TYPES),
        messages={
            "TensorProto": "dtype=1:DataType tensor_shape=2:TensorShapeProto version_number=3:int32 "
            "tensor_content=4:bytes float_val=5:float* double_val=6:double* int_val=7:int32* "
            "string_val=8:bytes* int64_val=10:int64* bool_val=11:bool* half_val=13:int32* "
            "uint32_val=16:uint32* uint64_val=17:uint64*",
        },
    ),
    File(
        name=_FEATURE,
        package="tensorflow",
        messages={
            "BytesList": "value=1:bytes*",
            "FloatList": "value=1:float*",
            "Int64List": "value=1:int64*",
            "Feature": "kind/bytes_list=1:BytesList kind/float_list=2:FloatList "
            "kind/int64_list=3:Int64List",
            "Features": "feature=1:{Feature}",
        },
    ),
    File(
        name=_EXAMPLE,
        package="tensorflow",
        imports=(_FEATURE,),
        messages={"Example": "features=1:Features"},
    ),
    File(
        name=_GRAPH,
        package="tensorflow",
        imports=(_SHAPE, _TYPES, _TENSOR),
        messages={
            "TensorInfo": "encoding/name=1:string dtype=2:DataType tensor_shape=3:TensorShapeProto",
            "SignatureDef": "inputs=1:{TensorInfo} outputs=2:{TensorInfo} method_name=3:string "
            "defaults=4:{TensorProto}",
        },
    ),
    File(
        name=_ERRORS,
        package="tensorflow.error",
        enums={"Code": " ".join(f"{code.name}={code.value}" for code in Code)},
    ),
)
_PREDICTIONS: Final = (
    File(
        name=_MODEL,
        package="tensorflow.serving",
        imports=("google/protobuf/wrappers.proto",),
        messages={
            "ModelSpec": "name=1:string version_choice/version=2:.google.protobuf.Int64Value "
            "version_choice/version_label=4:string signature_name=3:string",
        },
    ),
    File(
        name=_INPUT,
        package="tensorflow.serving",
        imports=(_EXAMPLE,),
        messages={
            "ExampleList": "examples=1:.tensorflow.Example*",
            "ExampleListWithContext": "examples=1:.tensorflow.Example* context=2:.tensorflow.Example",
            "Input": "kind/example_list=1:ExampleList "
            "kind/example_list_with_context=2:ExampleListWithContext",
        },
    ),
    File(
        name=_PREDICT,
        package="tensorflow.serving",
        imports=(_MODEL, _TENSOR),
        messages={
            "PredictRequest": "model_spec=1:ModelSpec inputs=2:{.tensorflow.TensorProto} "
            "output_filter=3:string*",
            "PredictResponse": "outputs=1:{.tensorflow.TensorProto} model_spec=2:ModelSpec",
        },
    ),
    File(
        name=_CLASSIFICATION,
        package="tensorflow.serving",
        imports=(_MODEL, _INPUT),
        messages={
            "Class": "label=1:string score=2:float",
            "Classifications": "classes=1:Class*",
            "ClassificationResult": "classifications=1:Classifications*",
            "ClassificationRequest": "model_spec=1:ModelSpec input=2:Input",
            "ClassificationResponse": "result=1:ClassificationResult model_spec=2:ModelSpec",
        },
    ),
    File(
        name=_REGRESSION,
        package="tensorflow.serving",
        imports=(_MODEL, _INPUT),
        messages={
            "Regression": "value=1:float",
            "RegressionResult": "regressions=1:Regression*",
            "RegressionRequest": "model_spec=1:ModelSpec input=2:Input",
            "RegressionResponse": "result=1:RegressionResult model_spec=2:ModelSpec",
        },
    ),
    File(
        name=_INFERENCE,
        package="tensorflow.serving",
        imports=(_MODEL, _INPUT, _CLASSIFICATION, _REGRESSION),
        messages={
            "InferenceTask": "model_spec=1:ModelSpec method_name=2:string",
            "InferenceResult": "model_spec=1:ModelSpec "
            "result/classification_result=2:ClassificationResult "
            "result/regression_result=3:RegressionResult",
            "MultiInferenceRequest": "tasks=1:InferenceTask* input=2:Input",
            "MultiInferenceResponse": "results=1:InferenceResult*",
        },
    ),
    File(
        name=_METADATA,
        package="tensorflow.serving",
        imports=(_MODEL, _GRAPH, "google/protobuf/any.proto"),
        messages={
            "SignatureDefMap": "signature_def=1:{.tensorflow.SignatureDef}",
            "GetModelMetadataRequest": "model_spec=1:ModelSpec metadata_field=2:string*",
            "GetModelMetadataResponse": "model_spec=1:ModelSpec metadata=2:{.google.protobuf.Any}",
        },
    ),
    File(
        name="tensorflow_serving/apis/prediction_service.proto",
        package="tensorflow.serving",
        imports=(_PREDICT, _CLASSIFICATION, _REGRESSION, _INFERENCE, _METADATA),
        services={
            "PredictionService": {
                "Classify": ("ClassificationRequest", "ClassificationResponse"),
                "Regress": ("RegressionRequest", "RegressionResponse"),
                "Predict": ("PredictRequest", "PredictResponse"),
                "MultiInference": ("MultiInferenceRequest", "MultiInferenceResponse"),
                "GetModelMetadata": ("GetModelMetadataRequest", "GetModelMetadataResponse"),
            },
        },
    ),
)
_MANAGING: Final = (
    File(
        name=_STATUS_PROTO,
        package="tensorflow.serving",
        imports=(_ERRORS,),
        messages={"StatusProto": "error_code=1:.tensorflow.error.Code error_message=2:string"},
    ),
    File(
        name=_STATUS,
        package="tensorflow.serving",
        imports=(_MODEL, _STATUS_PROTO),
        messages={
            "GetModelStatusRequest": "model_spec=1:ModelSpec",
            "ModelVersionStatus": "version=1:int64 state=2:ModelVersionStatus.State "
            "status=3:StatusProto",
            "GetModelStatusResponse": "model_version_status=1:ModelVersionStatus*",
        },
        enums={
            "ModelVersionStatus.State": "UNKNOWN=0 START=10 LOADING=20 AVAILABLE=30 UNLOADING=40 END=50"
        },
    ),
    File(
        name=_SOURCE,
        package="tensorflow.serving",
        messages={
            "FileSystemStoragePathSourceConfig": "",
            "FileSystemStoragePathSourceConfig.ServableVersionPolicy": "policy_choice/latest=100:"
            "FileSystemStoragePathSourceConfig.ServableVersionPolicy.Latest policy_choice/all=101:"
            "FileSystemStoragePathSourceConfig.ServableVersionPolicy.All policy_choice/specific=102:"
            "FileSystemStoragePathSourceConfig.ServableVersionPolicy.Specific",
            "FileSystemStoragePathSourceConfig.ServableVersionPolicy.Latest": "num_versions=1:uint32",
            "FileSystemStoragePathSourceConfig.ServableVersionPolicy.All": "",
            "FileSystemStoragePathSourceConfig.ServableVersionPolicy.Specific": "versions=1:int64*",
        },
    ),
    File(
        name=_CONFIG,
        package="tensorflow.serving",
        imports=(_SOURCE, "google/protobuf/any.proto"),
        messages={
            "ModelConfig": "name=1:string base_path=2:string model_type=3:ModelType "
            "model_platform=4:string model_version_policy=7:"
            "FileSystemStoragePathSourceConfig.ServableVersionPolicy version_labels=8:{int64}",
            "ModelConfigList": "config=1:ModelConfig*",
            "ModelServerConfig": "config/model_config_list=1:ModelConfigList "
            "config/custom_model_config=2:.google.protobuf.Any",
        },
        enums={"ModelType": "MODEL_TYPE_UNSPECIFIED=0 TENSORFLOW=1 OTHER=2"},
    ),
    File(
        name=_MANAGEMENT,
        package="tensorflow.serving",
        imports=(_CONFIG, _STATUS_PROTO),
        messages={
            "ReloadConfigRequest": "config=1:ModelServerConfig",
            "ReloadConfigResponse": "status=1:StatusProto",
        },
    ),
    File(
        name="tensorflow_serving/apis/model_service.proto",
        package="tensorflow.serving",
        imports=(_STATUS, _MANAGEMENT),
        services={
            "ModelService": {
                "GetModelStatus": ("GetModelStatusRequest", "GetModelStatusResponse"),
                "HandleReloadConfigRequest": ("ReloadConfigRequest", "ReloadConfigResponse"),
            },
        },
    ),
)
FILES: Final = (*_TENSORFLOW, *_PREDICTIONS, *_MANAGING)


@cache
def pool() -> Any:
    """All of these, with the two of protobuf's own messages that they use."""
    own = (any_pb2, wrappers_pb2)
    return pool_of(FILES, known=[module.DESCRIPTOR.serialized_pb for module in own])


@cache
def message(name: str) -> Any:
    """The class of a message, by its name in `tensorflow.serving`, or by its full name."""
    full = name if "." in name else f"tensorflow.serving.{name}"
    return GetMessageClass(pool().FindMessageTypeByName(full))


@cache
def methods(service: str) -> dict[str, Any]:
    """Method -> class of its request, of one service by its full name."""
    described = pool().FindServiceByName(service)
    return {method.name: GetMessageClass(method.input_type) for method in described.methods}
