"""Cases of the encoder: outputs described in words, and the text that they become."""

from __future__ import annotations

import ast
import json
import re
from typing import Any

import numpy as np

from conformance import matching
from sonant.serving.http import refused
from sonant.serving.rest import encoding
from sonant.serving.status import Refusal
from sonant.serving.tensors import Tensors, text


def check(case: dict[str, Any]) -> None:
    """Hold the encoder to a case; raises `AssertionError`."""
    status = 200
    try:
        body = _encoded(case)
    except Refusal as refusal:
        reply = refused(refusal)
        status, body = reply.status, reply.body
    assert status == case["expect_status"], body
    matching.check(case["match"], body.decode(), case)


def _encoded(case: dict[str, Any]) -> bytes:
    words: str = case["model"]
    if "classes" in words or "classification" in words:
        return encoding.classification(_classes(case))
    if "regression" in words or words.startswith("["):
        return encoding.regression(_values(words))
    return encoding.predictions(_outputs(words))


def _outputs(words: str) -> Tensors:
    listed = re.match(r"(\w+) tensor (\[.*\])", words)
    if listed:
        values = [float(value) for value in ast.literal_eval(listed[2])]
        return {"y": np.array(values).astype(listed[1])}
    shaped = re.match(r"output shape (\[.*\])", words)
    if shaped:
        return {"y": np.zeros(ast.literal_eval(shaped[1]), np.float32)}
    if words.startswith("rank-0"):
        return {"y": np.array(1.0, np.float32)}
    if words.startswith("no output"):
        return {}
    typed = re.match(r"(\w+) output$", words)
    if typed:
        return {"y": np.zeros(1, np.dtype(typed[1]))}
    sizes = re.findall(r"(\w+)\[(\d+)\]", words)
    assert sizes, f"the runner does not understand {words!r}"
    return {name: np.zeros(int(size), np.float32) for name, size in sizes}


def _classes(case: dict[str, Any]) -> Tensors:
    """Those that the expected text lists."""
    if not case.get("expect_text"):
        return {"scores": np.zeros((0, 3), np.float32)}
    rows = json.loads(case["expect_text"])["results"]
    return {
        "classes": text([[label for label, _ in row] for row in rows]),
        "scores": np.array([[score for _, score in row] for row in rows], np.float32),
    }


def _values(words: str) -> Tensors:
    listed = re.match(r"\[(.*)\]", words)
    numbers = [float(value) for value in listed[1].split(",")] if listed else []
    return {"outputs": np.array(numbers, np.float32)}
