"""TensorFlow and LiteRT, loaded when they are asked for: they are optional and slow to import."""

from __future__ import annotations

import os
from importlib import import_module
from types import ModuleType

from sonant.errors import MissingExtra


def tensorflow(purpose: str) -> ModuleType:
    """TensorFlow, told to be quiet; raises `MissingExtra`."""
    # Read once, when its C++ part is loaded; what the user set stays.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    return _loaded("tensorflow", extra="tensorflow", purpose=purpose)


def litert(purpose: str) -> ModuleType:
    """The interpreter of LiteRT; raises `MissingExtra`."""
    return _loaded("ai_edge_litert.interpreter", extra="tflite", purpose=purpose)


def schema(purpose: str) -> ModuleType:
    """The tables of a .tflite file as Python objects; raises `MissingExtra`."""
    return _loaded("ai_edge_litert.schema_py_generated", extra="tflite", purpose=purpose)


def _loaded(name: str, *, extra: str, purpose: str) -> ModuleType:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise MissingExtra(name.split(".")[0], extra=extra, purpose=purpose) from error
