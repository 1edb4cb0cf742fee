"""Requests from the table's words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from conformance.grpc_words import (
    DTYPE_WORDS,
    Block,
    Item,
    Listed,
    following,
    items_of,
    number,
    write_tensor,
)
from sonant.serving.grpc.protos import message
from sonant.serving.servable import Servable

SPEC_WORDS = {
    "name": "name",
    "model": "name",
    "version": "version",
    "label": "version_label",
    "version_label": "version_label",
    "signature": "signature_name",
    "signature_name": "signature_name",
}
"""Words for fields of a ModelSpec; outside of one they mean the request's."""
USUAL_X = 2.0
WAYS = {"ClassificationRequest": "classify", "RegressionRequest": "regress"}


class Reader:
    """Reads requests to one model."""

    def __init__(self, name: str, servable: Servable) -> None:
        self.name = name
        self.methods = {key: found.method.value for key, found in servable.signatures.items()}

    def read(self, text: str, kind: Any) -> Any:
        """A request of the class `kind`."""
        request = kind()
        items = items_of(text)
        self._fill(request, items)
        whole = "..." not in text and ("model_spec" in text or text.strip() in ("", "{}"))
        if not whole:
            self._complete(request)
        return request

    def _fill(self, proto: Any, items: Sequence[Item]) -> None:
        at = 0
        while at < len(items):
            item, after = items[at], following(items, at)
            at += 1
            if not isinstance(item, str):
                if isinstance(item, Block):
                    self._fill(proto, item.items)
                continue
            if item == "without":
                at += 1
            elif item in ("example", "examples", "context") and _has(proto, "input"):
                at += _features(proto.input, item, items[at:])
            elif _has(proto, "tasks") and self._signature(item):
                self._add_task(proto, self._signature(item))
            elif _has(proto, item):
                at += self._field(proto, item, after)
            elif _has(proto, "model_spec") and item in SPEC_WORDS:
                at += self._field(proto.model_spec, SPEC_WORDS[item], after)
            elif _is(proto, "ModelSpec") and item in SPEC_WORDS:
                at += self._field(proto, SPEC_WORDS[item], after)

    def _signature(self, word: str) -> str:
        """The signature that a word names, by itself or by its method; "" for none."""
        ways = {method.rpartition("/")[2]: key for key, method in self.methods.items()}
        return word if word in self.methods else ways.get(word, "")

    def _add_task(self, request: Any, signature: str) -> None:
        task = request.tasks.add(method_name=self.methods[signature])
        task.model_spec.name, task.model_spec.signature_name = self.name, signature

    def _field(self, proto: Any, name: str, value: Item | None) -> int:
        """Set a field by the item behind its name; returns how many items that took."""
        field = proto.DESCRIPTOR.fields_by_name[name]
        if field.message_type is None:
            return self._scalar(proto, field, value)
        if _is_map(field):
            assert isinstance(value, Block), f"{name} without braces"
            _tensors(getattr(proto, name), value.items)
            return 1
        if field.message_type.full_name == "google.protobuf.Int64Value":
            getattr(proto, name).value = int(str(value))
            return 1
        if not isinstance(value, Block):
            # Named, but nothing said of it: it is there, and empty.
            if not field.is_repeated:
                getattr(proto, name).SetInParent()
            return 0
        inner = getattr(proto, name).add() if field.is_repeated else getattr(proto, name)
        if not field.is_repeated:
            inner.SetInParent()
        if _is(inner, "Input") and value.items and not _has(inner, str(value.items[0])):
            _features(inner, "example", [value])
        else:
            self._fill(inner, value.items)
        return 1

    def _scalar(self, proto: Any, field: Any, value: Item | None) -> int:
        if field.is_repeated:
            listed = value.items if isinstance(value, Listed) else [value]
            getattr(proto, field.name).extend(_converted(one, field) for one in listed)
            return 1
        if isinstance(value, str):
            setattr(proto, field.name, _converted(value, field))
            return 1
        # A name without a value: whichever there is.
        if field.name == "name":
            proto.name = self.name
        return 0

    def _complete(self, request: Any) -> None:
        """What a part of a request does not say is as usual."""
        if _has(request, "model_spec") and not request.model_spec.name:
            request.model_spec.name = self.name
        if _has(request, "inputs") and not request.inputs:
            write_tensor(["float", Listed(["1"]), str(USUAL_X)], request.inputs["x"])
        if _has(request, "metadata_field") and not request.metadata_field:
            request.metadata_field.append("signature_def")
        if _has(request, "input") and not request.input.WhichOneof("kind"):
            _features(request.input, "example", ["x", str(USUAL_X)])
        if _has(request, "tasks") and not request.tasks:
            for way in ("classify", "regress"):
                self._add_task(request, self._signature(way))
        way = WAYS.get(request.DESCRIPTOR.name)
        if way and not request.model_spec.signature_name:
            request.model_spec.signature_name = self._signature(way)


def _features(proto: Any, word: str, items: Sequence[Item]) -> int:
    """Examples out of `x=2.0`, braces around it, or a list of them; returns the items that it took."""
    if items and isinstance(items[0], Block | Listed):
        pairs, taken = items[0].items, 1
    else:
        taken = 0
        while taken + 1 < len(items) and _starts_pair(items, taken):
            taken += 2
        pairs = items[:taken]
    several = proto.example_list
    if word == "context":
        context = message("tensorflow.Example")()
        _add_features(context, pairs)
        rest = list(proto.example_list.examples)
        proto.example_list_with_context.examples.extend(rest)
        proto.example_list_with_context.context.CopyFrom(context)
        return taken
    if proto.WhichOneof("kind") == "example_list_with_context":
        several = proto.example_list_with_context
    if items and isinstance(items[0], Listed):
        for at in range(0, len(pairs), 2):
            _add_features(several.examples.add(), pairs[at : at + 2])
    else:
        _add_features(several.examples.add(), pairs)
    return taken


def _starts_pair(items: Sequence[Item], at: int) -> bool:
    value = items[at + 1]
    return isinstance(items[at], str) and (isinstance(value, Listed) or number(value) is not None)


def _add_features(example: Any, pairs: Sequence[Item]) -> None:
    for at in range(0, len(pairs) - 1, 2):
        feature = example.features.feature[str(pairs[at])]
        value = pairs[at + 1]
        for one in value.items if isinstance(value, Listed) else [value]:
            found = number(one)
            if found is None:
                feature.bytes_list.value.append(str(one).encode())
            elif isinstance(found, int):
                feature.int64_list.value.append(found)
            else:
                feature.float_list.value.append(found)


def _tensors(tensors: Mapping[str, Any], items: Sequence[Item]) -> None:
    """`name type [shape] values`, once or, each name before a type, several times."""
    starts = [
        at for at in range(len(items)) if isinstance(items[at], str) and _names_tensor(items, at)
    ]
    for start, end in zip(starts, [*starts[1:], len(items)], strict=True):
        inner = items[start + 1 : end]
        if len(inner) == 1 and isinstance(inner[0], Block):
            inner = inner[0].items
        write_tensor(inner, tensors[str(items[start])])


def _names_tensor(items: Sequence[Item], at: int) -> bool:
    after = following(items, at)
    if isinstance(after, Block):
        return True
    return isinstance(after, str) and after in DTYPE_WORDS and items[at] not in DTYPE_WORDS


def _converted(value: Item | None, field: Any) -> Any:
    assert isinstance(value, str), f"{field.name} is {value}"
    if field.enum_type:
        named = field.enum_type.values_by_name.get(value)
        return named.number if named else int(value)
    if field.cpp_type == field.CPPTYPE_STRING:
        return value.encode() if field.type == field.TYPE_BYTES else value
    if field.cpp_type == field.CPPTYPE_BOOL:
        return value == "true"
    return number(value)


def _has(proto: Any, name: str) -> bool:
    return name in proto.DESCRIPTOR.fields_by_name


def _is(proto: Any, kind: str) -> bool:
    return bool(proto.DESCRIPTOR.name == kind)


def _is_map(field: Any) -> bool:
    return bool(field.message_type.GetOptions().map_entry)
