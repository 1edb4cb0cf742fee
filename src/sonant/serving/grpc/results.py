"""Outputs of a model as the results of Classify and Regress."""

from __future__ import annotations

from typing import Any

from sonant.serving.status import invalid
from sonant.serving.tensors import Tensors


def write_classification(outputs: Tensors, result: Any, *, rows: int) -> None:
    """Fill a `ClassificationResult` from `classes` and `scores`, both [rows, classes], or one of them.

    Raises `Refusal` where the model answered in another shape.
    """
    classes, scores = outputs.get("classes"), outputs.get("scores")
    for name, tensor in (("classes", classes), ("scores", scores)):
        if tensor is None:
            continue
        if tensor.ndim != 2:
            raise invalid(
                f"Expected Tensor shape: [batch_size num_classes] but got {list(tensor.shape)}"
            )
        if len(tensor) != rows:
            raise invalid(f"Expected {name} output batch size of {rows}. Got: {len(tensor)}")
    if classes is not None and scores is not None and classes.shape != scores.shape:
        raise invalid(
            "Tensors class and score should match in dim_size(1). "
            f"Got {classes.shape[1]} vs. {scores.shape[1]}"
        )
    for row in range(rows):
        labels = [] if classes is None else [_readable(label) for label in classes[row]]
        values = [] if scores is None else scores[row].tolist()
        found = result.classifications.add()
        for place in range(max(len(labels), len(values))):
            one = found.classes.add()
            if labels:
                one.label = labels[place]
            if values:
                one.score = values[place]


def write_regression(outputs: Tensors, result: Any, *, rows: int) -> None:
    """Fill a `RegressionResult` from `outputs`, [rows] or [rows, 1]; raises `Refusal` for another shape."""
    values = outputs["outputs"]
    if values.shape not in ((rows,), (rows, 1)):
        raise invalid(
            "Expected output Tensor shape to be either [batch_size] or [batch_size, 1] "
            f"but got {list(values.shape)}"
        )
    for value in values.reshape(-1).tolist():
        result.regressions.add(value=value)


def _readable(label: bytes) -> str:
    return label.decode("utf-8", errors="replace")
