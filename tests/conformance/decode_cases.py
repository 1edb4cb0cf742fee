"""Cases of examples: what a body is decoded to, printed as the text of a protobuf request."""

from __future__ import annotations

from typing import Any

from conformance.matching import squeezed
from sonant.serving.rest.examples import Example, Examples, Feature, examples_of
from sonant.serving.rest.reading import read


def check(case: dict[str, Any]) -> None:
    """Hold the decoder to a case; raises `AssertionError`."""
    body = case["request"]["body"].encode()
    found = printed(examples_of(read(body, deepest=100)))
    assert squeezed(found) == squeezed(case["expect_body"]), found


def printed(examples: Examples) -> str:
    """A ClassificationRequest in text protobuf, names in order."""
    spec = f'model_spec {{ signature_name: "{examples.signature_name}" }}'
    rows = " ".join(f"examples {{ {_features(one)} }}" for one in examples.examples)
    if examples.context is None:
        listed = f"example_list {{ {rows} }}"
    else:
        context = f"context {{ {_features(examples.context)} }}"
        listed = f"example_list_with_context {{ {rows} {context} }}"
    return f"{spec if examples.signature_name else ''} input {{ {listed} }}"


def _features(example: Example) -> str:
    features = " ".join(
        f'feature {{ key: "{name}" value {{ {_values(feature)} }} }}'
        for name, feature in sorted(example.items())
    )
    return f"features {{ {features} }}"


def _values(feature: Feature) -> str:
    if feature.kind is None:
        return ""
    values = " ".join(f"value: {_value(value)}" for value in feature.values)
    return f"{feature.kind.value}_list {{ {values} }}"


def _value(value: Any) -> str:
    if isinstance(value, bytes):
        return f'"{value.decode()}"'
    return f"{value:g}" if isinstance(value, float) else str(value)
