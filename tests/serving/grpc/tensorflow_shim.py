"""The few messages of TensorFlow that `tensorflow-serving-api` imports, so that it imports without it.

Written a second time on purpose, not taken from the server's table: a wrong number there must not
be the same wrong number here.
"""

from __future__ import annotations

from pathlib import Path

from sonant.serving.grpc.descriptors import File, file_proto

CODES = (
    "OK=0 CANCELLED=1 UNKNOWN=2 INVALID_ARGUMENT=3 DEADLINE_EXCEEDED=4 NOT_FOUND=5 ALREADY_EXISTS=6 "
    "PERMISSION_DENIED=7 RESOURCE_EXHAUSTED=8 FAILED_PRECONDITION=9 ABORTED=10 OUT_OF_RANGE=11 "
    "UNIMPLEMENTED=12 INTERNAL=13 UNAVAILABLE=14 DATA_LOSS=15 UNAUTHENTICATED=16"
)
TYPES = (
    "DT_INVALID=0 DT_FLOAT=1 DT_DOUBLE=2 DT_INT32=3 DT_UINT8=4 DT_INT16=5 DT_INT8=6 DT_STRING=7 "
    "DT_INT64=9 DT_BOOL=10 DT_UINT16=17 DT_HALF=19 DT_UINT32=22 DT_UINT64=23"
)
FILES = (
    File(
        name="xla/tsl/protobuf/error_codes.proto", package="tensorflow.error", enums={"Code": CODES}
    ),
    File(
        name="tensorflow/core/protobuf/error_codes.proto",
        package="tensorflow.error.dummy",
        imports=("xla/tsl/protobuf/error_codes.proto",),
    ),
    File(
        name="tensorflow/core/framework/types.proto",
        package="tensorflow",
        enums={"DataType": TYPES},
    ),
    File(
        name="tensorflow/core/framework/tensor_shape.proto",
        package="tensorflow",
        messages={
            "TensorShapeProto": "dim=2:TensorShapeProto.Dim* unknown_rank=3:bool",
            "TensorShapeProto.Dim": "size=1:int64 name=2:string",
        },
    ),
    File(
        name="tensorflow/core/framework/tensor.proto",
        package="tensorflow",
        imports=(
            "tensorflow/core/framework/tensor_shape.proto",
            "tensorflow/core/framework/types.proto",
        ),
        messages={
            "TensorProto": "dtype=1:DataType tensor_shape=2:TensorShapeProto tensor_content=4:bytes "
            "float_val=5:float* double_val=6:double* int_val=7:int32* string_val=8:bytes* "
            "int64_val=10:int64* bool_val=11:bool* half_val=13:int32*",
        },
    ),
    File(
        name="tensorflow/core/example/feature.proto",
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
        name="tensorflow/core/example/example.proto",
        package="tensorflow",
        imports=("tensorflow/core/example/feature.proto",),
        messages={"Example": "features=1:Features"},
    ),
    File(
        name="tensorflow/core/protobuf/meta_graph.proto",
        package="tensorflow",
        imports=(
            "tensorflow/core/framework/tensor_shape.proto",
            "tensorflow/core/framework/types.proto",
        ),
        messages={
            "TensorInfo": "encoding/name=1:string dtype=2:DataType tensor_shape=3:TensorShapeProto",
            "SignatureDef": "inputs=1:{TensorInfo} outputs=2:{TensorInfo} method_name=3:string",
        },
    ),
)
MODULE = '''\
"""Written by the tests of sonant."""
from google.protobuf import descriptor_pool
from google.protobuf.internal import builder
{imports}
DESCRIPTOR = descriptor_pool.Default().AddSerializedFile({serialised!r})
builder.BuildMessageAndEnumDescriptors(DESCRIPTOR, globals())
builder.BuildTopDescriptorsAndMessages(DESCRIPTOR, {name!r}, globals())
'''


def write_shim(folder: Path) -> None:
    """Write packages `tensorflow` and `xla` with these messages, as protoc would, into a folder."""
    enums = {f".{file.package}.{name}" for file in FILES for name in file.enums}
    for file in FILES:
        proto = file_proto(file, enums)
        if "error_codes" in file.name:
            # Whoever imports the outer file sees the inner one's enum.
            proto.public_dependency.extend(range(len(file.imports)))
        path = folder / file.name.replace(".proto", "_pb2.py")
        path.parent.mkdir(parents=True, exist_ok=True)
        for package in path.relative_to(folder).parents[:-1]:
            (folder / package / "__init__.py").touch()
        imports = "\n".join(_import(name) for name in file.imports)
        path.write_text(
            MODULE.format(
                imports=imports,
                serialised=proto.SerializeToString(),
                name=file.name.removesuffix(".proto").replace("/", ".") + "_pb2",
            )
        )


def _import(name: str) -> str:
    """As protoc writes it: the module stands under its whole path, too."""
    package, _, module = name.removesuffix(".proto").replace("/", ".").rpartition(".")
    alias = f"{package}.{module}".replace("_", "__").replace(".", "_dot_") + "__pb2"
    return f"from {package} import {module}_pb2 as {alias}"
