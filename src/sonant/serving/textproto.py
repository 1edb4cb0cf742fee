"""The configuration files of TensorFlow Serving: text protobuf, by a small schema of our own.

The schema lives in a pool of its own, so it never meets another library's messages of the same names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeAlias

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format

from sonant.errors import ServeError

PACKAGE: Final = "tensorflow.serving"
WRAPPERS: Final = "google.protobuf"

_Field: TypeAlias = tuple[str, int, str]
"""Name, number, type; the type may have `repeated`, `map` or `oneof NAME` before it."""

_POLICY: Final = "FileSystemStoragePathSourceConfig.ServableVersionPolicy"

MESSAGES: Final[Mapping[str, Sequence[_Field]]] = {
    "FileSystemStoragePathSourceConfig": (),
    _POLICY: (
        ("latest", 100, f"oneof policy_choice {_POLICY}.Latest"),
        ("all", 101, f"oneof policy_choice {_POLICY}.All"),
        ("specific", 102, f"oneof policy_choice {_POLICY}.Specific"),
    ),
    f"{_POLICY}.Latest": (("num_versions", 1, "uint32"),),
    f"{_POLICY}.All": (),
    f"{_POLICY}.Specific": (("versions", 1, "repeated int64"),),
    "LogCollectorConfig": (("type", 1, "string"), ("filename_prefix", 2, "string")),
    "SamplingConfig": (("sampling_rate", 1, "double"),),
    "LoggingConfig": (
        ("log_collector_config", 1, "LogCollectorConfig"),
        ("sampling_config", 2, "SamplingConfig"),
    ),
    "ModelConfig": (
        ("name", 1, "string"),
        ("base_path", 2, "string"),
        ("model_type", 3, "ModelType"),
        ("model_platform", 4, "string"),
        ("logging_config", 6, "LoggingConfig"),
        ("model_version_policy", 7, _POLICY),
        ("version_labels", 8, "map int64"),
    ),
    "ModelConfigList": (("config", 1, "repeated ModelConfig"),),
    "ModelServerConfig": (("model_config_list", 1, "oneof config ModelConfigList"),),
    "BatchingParameters": (
        ("max_batch_size", 1, "Int64Value"),
        ("batch_timeout_micros", 2, "Int64Value"),
        ("max_enqueued_batches", 3, "Int64Value"),
        ("num_batch_threads", 4, "Int64Value"),
        ("thread_pool_name", 5, "StringValue"),
        ("allowed_batch_sizes", 6, "repeated int64"),
        ("pad_variable_length_inputs", 7, "bool"),
        ("max_execution_batch_size", 8, "Int64Value"),
        ("enable_large_batch_splitting", 9, "BoolValue"),
    ),
    "PrometheusConfig": (("enable", 1, "bool"), ("path", 2, "string")),
    "MonitoringConfig": (("prometheus_config", 1, "PrometheusConfig"),),
    "SSLConfig": (
        ("server_key", 1, "string"),
        ("server_cert", 2, "string"),
        ("custom_ca", 3, "string"),
        ("client_verify", 4, "bool"),
    ),
}
"""Message -> its fields, with the names and numbers of TensorFlow Serving's; parents come first."""

MODEL_TYPES: Final = ("MODEL_TYPE_UNSPECIFIED", "TENSORFLOW", "OTHER")
"""Values of the enum `ModelType`, by number."""

_Proto: Final = descriptor_pb2.FieldDescriptorProto
_SCALARS: Final[Mapping[str, int]] = {
    "string": _Proto.TYPE_STRING,
    "int64": _Proto.TYPE_INT64,
    "uint32": _Proto.TYPE_UINT32,
    "bool": _Proto.TYPE_BOOL,
    "double": _Proto.TYPE_DOUBLE,
}
_VALUES: Final = {"Int64Value": "int64", "StringValue": "string", "BoolValue": "bool"}
"""The well-known messages around a single `value`."""


def read(path: Path, kind: str) -> Any:
    """The message of type `kind` that a file holds; raises `ServeError` naming file and line."""
    return parse(text_of(path), kind, where=path)


def text_of(path: Path) -> str:
    """What a file says; raises `ServeError` where it cannot be read as UTF-8."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise ServeError(f"{path}: cannot be read as text ({error})") from error


def parse(text: str, kind: str, *, where: Path) -> Any:
    """The message of type `kind` that a text says; raises `ServeError` naming file, line and column.

    `kind` is one of `MESSAGES`; `where` is the file that the text is from, or is to pass for.
    """
    message = message_class(kind)()
    try:
        text_format.Parse(text, message, descriptor_pool=_pool())
    except text_format.ParseError as error:
        raise _complaint(error, text, kind=kind, where=where) from error
    except (ValueError, TypeError, ArithmeticError, RecursionError, Warning) as error:
        reason = f"Error parsing text-format {PACKAGE}.{kind}: {error}"
        raise ServeError(f"{where}: {reason}") from error
    return message


def message_class(kind: str) -> Any:
    """The class of one of `MESSAGES`, to make, serialise or parse it."""
    return message_factory.GetMessageClass(_pool().FindMessageTypeByName(f"{PACKAGE}.{kind}"))


def _complaint(error: Any, text: str, *, kind: str, where: Path) -> ServeError:
    line, column = error.GetLine(), error.GetColumn()
    reason, place = str(error), ""
    if line is not None:
        place = f":{line}:{column}"
        reason = reason.partition(" : ")[2]
        # Some complaints begin with the whole line, which may be a long one.
        lines = text.split("\n")
        shown = lines[line - 1] if 0 < line <= len(lines) else ""
        reason = reason.removeprefix(f"'{shown}': ")
    return ServeError(f"{where}{place}: Error parsing text-format {PACKAGE}.{kind}: {reason}")


@cache
def _pool() -> Any:
    pool = descriptor_pool.DescriptorPool()
    pool.Add(_wrappers())
    pool.Add(_schema())
    return pool


def _wrappers() -> Any:
    file = descriptor_pb2.FileDescriptorProto(
        name="google/protobuf/wrappers.proto", package=WRAPPERS, syntax="proto3"
    )
    for name, kind in _VALUES.items():
        _add(file.message_type.add(name=name), ("value", 1, kind), prefix=f".{WRAPPERS}")
    return file


def _schema() -> Any:
    file = descriptor_pb2.FileDescriptorProto(
        name="sonant/serving/config.proto",
        package=PACKAGE,
        syntax="proto3",
        dependency=["google/protobuf/wrappers.proto"],
    )
    kinds = file.enum_type.add(name="ModelType")
    for number, name in enumerate(MODEL_TYPES):
        kinds.value.add(name=name, number=number)
    made: dict[str, Any] = {}
    for path, fields in MESSAGES.items():
        parent, _, name = path.rpartition(".")
        made[path] = made[parent].nested_type.add() if parent else file.message_type.add()
        made[path].name = name
        for field in fields:
            _add(made[path], field, prefix=f".{PACKAGE}.{path}")
    return file


def _add(message: Any, field: _Field, *, prefix: str) -> None:
    """Add one field to a message whose full name is `prefix`."""
    name, number, kind = field
    *modifiers, kind = kind.split()
    made = message.field.add(name=name, number=number, label=_Proto.LABEL_OPTIONAL)
    if modifiers[:1] == ["repeated"]:
        made.label = _Proto.LABEL_REPEATED
    elif modifiers[:1] == ["oneof"]:
        made.oneof_index = _oneof(message, modifiers[1])
    elif modifiers[:1] == ["map"]:
        made.label = _Proto.LABEL_REPEATED
        entry = message.nested_type.add(name="".join(map(str.title, name.split("_"))) + "Entry")
        entry.options.map_entry = True
        _add(entry, ("key", 1, "string"), prefix="")
        _add(entry, ("value", 2, kind), prefix="")
        made.type, made.type_name = _Proto.TYPE_MESSAGE, f"{prefix}.{entry.name}"
        return
    if kind in _SCALARS:
        made.type = _SCALARS[kind]
    else:
        made.type = _Proto.TYPE_ENUM if kind == "ModelType" else _Proto.TYPE_MESSAGE
        made.type_name = f".{WRAPPERS if kind in _VALUES else PACKAGE}.{kind}"


def _oneof(message: Any, name: str) -> int:
    names = [oneof.name for oneof in message.oneof_decl]
    if name not in names:
        message.oneof_decl.add(name=name)
        names.append(name)
    return names.index(name)
