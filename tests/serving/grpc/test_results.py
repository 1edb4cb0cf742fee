"""What a model answers to Classify and Regress, as messages."""

from __future__ import annotations

import numpy as np
import pytest

from sonant.serving.grpc.protos import message
from sonant.serving.grpc.results import write_classification, write_regression
from sonant.serving.status import Refusal
from sonant.serving.tensors import Tensors, text

SCORES = np.array([[0.25, 0.75]], np.float32)


def classes(outputs: Tensors, rows: int = 1) -> list[list[tuple[str, float]]]:
    result = message("ClassificationResult")()
    write_classification(outputs, result, rows=rows)
    return [[(one.label, one.score) for one in row.classes] for row in result.classifications]


def test_labels_scores_or_both() -> None:
    labels = text([["no", b"\xff"]])
    assert classes({"classes": labels, "scores": SCORES}) == [[("no", 0.25), ("\ufffd", 0.75)]]
    assert classes({"scores": SCORES}) == [[("", 0.25), ("", 0.75)]]
    assert classes({"classes": labels}) == [[("no", 0.0), ("\ufffd", 0.0)]]


@pytest.mark.parametrize(
    ("outputs", "rows", "reason"),
    [
        ({"scores": SCORES[0]}, 2, r"\[batch_size num_classes\] but got \[2\]"),
        ({"scores": SCORES}, 2, "Expected scores output batch size of 2. Got: 1"),
        ({"classes": text([["a"]]), "scores": SCORES}, 1, "match in dim_size"),
    ],
)
def test_scores_of_another_shape_are_refused(outputs: Tensors, rows: int, reason: str) -> None:
    with pytest.raises(Refusal, match=reason):
        classes(outputs, rows)


@pytest.mark.parametrize("shape", [(2,), (2, 1)])
def test_a_regression_is_a_number_a_row(shape: tuple[int, ...]) -> None:
    result = message("RegressionResult")()
    write_regression({"outputs": np.array([1.5, 2.5]).reshape(shape)}, result, rows=2)
    assert [one.value for one in result.regressions] == [1.5, 2.5]
    with pytest.raises(Refusal, match=r"but got \[2, 2\]"):
        write_regression({"outputs": np.zeros((2, 2))}, result, rows=2)
