"""The body of a predict request: rows, columns, names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from serving.fakes import named_dtype
from sonant.serving.rest.decoding import Asked, asked
from sonant.serving.rest.reading import read
from sonant.serving.status import Code, Refusal
from sonant.serving.tensors import TensorSpec

ONE = {"x": "float"}
TWO = {"a": "float", "b": "int32"}
TEXT = {"x": "string"}


def ask(body: str, types: Mapping[str, str] = ONE) -> Asked:
    specs = {
        name: TensorSpec(dtype=named_dtype(plain), shape=None) for name, plain in types.items()
    }
    return asked(read(body.encode(), deepest=1_000_000), specs, strict=False)


@pytest.mark.parametrize(
    ("body", "types", "by_rows", "inputs"),
    [
        ('{"instances":[1,2]}', ONE, True, {"x": [1, 2]}),
        ('{"instances":[[1,2],[3,4]]}', ONE, True, {"x": [[1, 2], [3, 4]]}),
        ('{"instances":[{"x":[1]},{"x":[2]}]}', ONE, True, {"x": [[1], [2]]}),
        ('{"instances":[{"b":1,"a":2},{"a":3.5,"b":4}]}', TWO, True, {"a": [2, 3.5], "b": [1, 4]}),
        ('{"inputs":1.5}', ONE, False, {"x": 1.5}),
        ('{"inputs":{"x":[[1]],"y":"ignored"}}', ONE, False, {"x": [[1]]}),
        ('{"inputs":{"b":[1],"a":[2]}}', TWO, False, {"a": [2], "b": [1]}),
        ('{"instances":["a",{"b64":"Yg=="}]}', TEXT, True, {"x": [b"a", b"b"]}),
        ('{"instances":[{"x":{"b64":"Yg=="}}]}', TEXT, True, {"x": [b"b"]}),
        ('{"inputs":{"b64":"Yg=="}}', TEXT, False, {"x": b"b"}),
        ('{"instances":[NaN,1]} and so on', ONE, True, {"x": [pytest.approx(float("nan"), nan_ok=True), 1]}),
    ],
)  # fmt: skip
def test_every_form_is_understood(
    body: str, types: Mapping[str, str], by_rows: bool, inputs: Mapping[str, Any]
) -> None:
    found = ask(body, types)
    assert found.by_rows is by_rows
    assert {name: tensor.tolist() for name, tensor in found.inputs.items()} == inputs


@pytest.mark.parametrize(
    ("body", "types", "words"),
    [
        ("{}", ONE, "Missing 'inputs' or 'instances' key"),
        ('{"inputs":[1],"instances":[1]}', ONE,
         'JSON Value: {\n    "inputs": [1],\n    "instances": [1]\n} Not formatted correctly expecting '
         "only one of 'inputs' or 'instances' keys to exist "),
        ('{"instances":"x"}', ONE,
         'JSON Value: {\n    "instances": "x"\n} Expecting \'instances\' to be an list/array'),
        ('{"instances":[]}', ONE, "JSON Value: {\n    \"instances\": []\n} No values in 'instances' array"),
        ('{"instances":[1]}', TWO,
         "instances is a plain list, but expecting list of objects as multiple input tensors required "
         "as per tensorinfo_map"),
        ('{"inputs":[1]}', TWO,
         "inputs is a plain value/list, but expecting an object as multiple input tensors required "
         "as per tensorinfo_map"),
        ('{"inputs":{}}', ONE, "Missing named input: x in 'inputs' object."),
        ('{"inputs":{"b64":5}}', TEXT, "Missing named input: x in 'inputs' object."),
        ('{"instances":[{"x":1},2]}', ONE, "Expecting object but got list at item 1 of input list"),
        ('{"instances":[1,{"x":2}]}', ONE, "Expecting value/list but got object at item 1 of input list"),
        ('{"instances":[{"x":1},{}]}', ONE,
         "Failed to process element: 1 of 'instances' list. JSON object: {} keys must be equal to: x"),
        ('{"instances":[{"b64":5}]}', TEXT,
         "Failed to process element: 0 key: b64 of 'instances' list. Error: INVALID_ARGUMENT: "
         "JSON object: does not have named input: b64"),
        ('{"instances":[[1,2],[3]]}', ONE,
         "Failed to process element: 1 of 'instances' list. Error: INVALID_ARGUMENT: "
         "Expecting tensor size: 2 but got: 1"),
        ('{"instances":[[1,2],[[3,4]]]}', ONE,
         "Failed to process element: 1 of 'instances' list. Error: INVALID_ARGUMENT: "
         "Expecting shape [2] but got: [1,2]"),
        ('{"instances":[[1],2]}', ONE,
         "Failed to process element: 1 of 'instances' list. Error: INVALID_ARGUMENT: "
         "Expecting shape [1] but got: []"),
        ('{"instances":[{"a":1,"b":1.5}]}', TWO,
         "Failed to process element: 0 key: b of 'instances' list. Error: INVALID_ARGUMENT: "
         "JSON Value: 1.5 Type: Number is not of expected type: int32"),
        ('{"instances":[1]}', {"x": "half"},
         "Failed to process element: 0 of 'instances' list. Error: UNIMPLEMENTED: "
         "Conversion of JSON Value: 1 to type: half"),
        ('{"instances":[1]}', {}, "Failed to get input map for signature: DEFAULT"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told(body: str, types: Mapping[str, str], words: str) -> None:
    with pytest.raises(Refusal) as caught:
        ask(body, types)
    assert (caught.value.message, caught.value.code) == (words, Code.INVALID_ARGUMENT)


def test_by_columns_an_unimplemented_type_is_told_as_such() -> None:
    with pytest.raises(Refusal) as caught:
        ask('{"inputs":[1]}', {"x": "half"})
    assert caught.value.code is Code.UNIMPLEMENTED
