"""Protobuf messages from a table instead of generated code: a pool that nobody else has a share in.

The process may hold TensorFlow's own messages of the same names, in protobuf's default pool; two
definitions of one file cannot stand in one pool, so ours stand in their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool

SCALARS: Final = frozenset(
    ("bool", "bytes", "double", "float", "int32", "int64", "string", "uint32", "uint64")
)
_FIELD: Final = re.compile(r"(?:(\w+)/)?(\w+)=(\d+):(\{)?([.\w]+)\}?(\*)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One .proto file.

    A field is `name=number:type`; `type*` is repeated, `{type}` a map from strings, and `choice/` before
    it puts it into the oneof of that name. A type of the same package is named without it; of another
    one, in full and with a dot in front.
    """

    name: str
    package: str
    imports: Sequence[str] = ()
    messages: Mapping[str, str] = field(default_factory=dict)
    """Name -> fields; `Outer.Inner` after `Outer`."""
    enums: Mapping[str, str] = field(default_factory=dict)
    """Name -> `VALUE=number` and so on."""
    services: Mapping[str, Mapping[str, tuple[str, str]]] = field(default_factory=dict)
    """Name -> method -> (request, reply)."""


def pool_of(files: Iterable[File], *, known: Iterable[bytes] = ()) -> Any:
    """A pool with `files`, each after those it imports, and the serialised files `known` before them."""
    pool: Any = DescriptorPool()
    for serialised in known:
        pool.AddSerializedFile(serialised)
    enums: set[str] = set()
    for file in files:
        enums |= {f".{file.package}.{name}" for name in file.enums}
        pool.AddSerializedFile(file_proto(file, enums).SerializeToString())
    return pool


def file_proto(file: File, enums: set[str]) -> Any:
    """A `FileDescriptorProto`; `enums` are the full names of all enums that it may speak of."""
    proto: Any = FileDescriptorProto(
        name=file.name, package=file.package, syntax="proto3", dependency=file.imports
    )
    owners: dict[str, Any] = {"": proto}
    for full, fields in file.messages.items():
        outer, _, name = full.rpartition(".")
        owner = owners[outer]
        message = (owner.nested_type if outer else owner.message_type).add(name=name)
        owners[full] = message
        for text in fields.split():
            _add_field(message, text, inside=f".{file.package}.{full}", file=file, enums=enums)
    for full, values in file.enums.items():
        outer, _, name = full.rpartition(".")
        enum = owners[outer].enum_type.add(name=name)
        for value in values.split():
            label, _, number = value.partition("=")
            enum.value.add(name=label, number=int(number))
    for name, methods in file.services.items():
        service = proto.service.add(name=name)
        for method, (request, reply) in methods.items():
            service.method.add(
                name=method, input_type=_full(request, file), output_type=_full(reply, file)
            )
    return proto


def _add_field(message: Any, text: str, *, inside: str, file: File, enums: set[str]) -> None:
    found = _FIELD.fullmatch(text)
    if found is None:
        raise ValueError(f"{file.name}: {inside}: '{text}' is no field")
    oneof, name, number, is_map, kind, repeated = found.groups()
    described = message.field.add(name=name, number=int(number))
    described.label = FieldDescriptorProto.LABEL_OPTIONAL
    if is_map or repeated:
        described.label = FieldDescriptorProto.LABEL_REPEATED
    if is_map:
        # What a map is on the wire: repeated pairs, in a message of a name that is laid down.
        entry = message.nested_type.add(name="".join(map(_capital, name.split("_"))) + "Entry")
        entry.options.map_entry = True
        for part in ("key=1:string", f"value=2:{kind}"):
            _add_field(entry, part, inside=inside, file=file, enums=enums)
        kind = f"{inside}.{entry.name}"
    if oneof:
        known = [choice.name for choice in message.oneof_decl]
        if oneof not in known:
            message.oneof_decl.add(name=oneof)
            known.append(oneof)
        described.oneof_index = known.index(oneof)
    if kind in SCALARS:
        described.type = FieldDescriptorProto.Type.Value(f"TYPE_{kind.upper()}")
        return
    described.type_name = _full(kind, file)
    of_enum = described.type_name in enums
    described.type = (
        FieldDescriptorProto.TYPE_ENUM if of_enum else FieldDescriptorProto.TYPE_MESSAGE
    )


def _capital(word: str) -> str:
    return word[:1].upper() + word[1:]


def _full(kind: str, file: File) -> str:
    return kind if kind.startswith(".") else f".{file.package}.{kind}"
