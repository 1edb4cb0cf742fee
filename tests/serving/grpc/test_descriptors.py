"""Messages from a table."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.message_factory import GetMessageClass

from sonant.serving.grpc.descriptors import File, pool_of

TABLE = File(
    name="a.proto",
    package="p",
    messages={
        "Outer": "one=1:int64 many=2:string* named_parts=3:{Outer.Part} kind/left=4:bool "
        "kind/right=5:Outer.Part colour=6:Colour",
        "Outer.Part": "size=1:double",
    },
    enums={"Colour": "RED=0 BLUE=2"},
)


def outer() -> Any:
    return GetMessageClass(pool_of([TABLE]).FindMessageTypeByName("p.Outer"))


def test_a_table_makes_scalars_lists_maps_oneofs_enums_and_inner_messages() -> None:
    found = outer()(one=1, many=["a", "b"], colour=2)
    found.named_parts["k"].size = 0.5
    found.left = True
    found.right.size = 1.0
    assert found.WhichOneof("kind") == "right"
    again = outer().FromString(found.SerializeToString())
    assert again.named_parts["k"].size == 0.5
    assert list(again.many) == ["a", "b"]
    assert again.DESCRIPTOR.fields_by_name["colour"].enum_type.values_by_number[2].name == "BLUE"


def test_two_pools_share_nothing() -> None:
    assert outer() is not outer()


def test_a_line_that_is_no_field_is_named() -> None:
    wrong = File(name="b.proto", package="p", messages={"M": "one=1:int64 two:string"})
    with pytest.raises(ValueError, match=r"b\.proto: \.p\.M: 'two:string' is no field"):
        pool_of([wrong])
