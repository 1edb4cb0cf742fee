"""Short speech, from a folder of recordings to a running system.

    import sonant

    sonant.train("tutorial-simple-audio", "recordings/")        # -> Outcome, with the bundle's path
    sonant.evaluate("runs/tutorial-simple-audio", "recordings/")  # -> Report
    sonant.load("runs/tutorial-simple-audio").predict("clip.wav")  # -> Prediction
    sonant.serve("runs/tutorial-simple-audio")                  # until Ctrl-C

Importing the package imports neither torch nor anything else that is slow; each name is loaded when used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sonant.assessment import assess as evaluate
    from sonant.errors import SonantError
    from sonant.manifest import Item, Manifest
    from sonant.prediction import predict
    from sonant.runs import train
    from sonant.runtime.recogniser import Recogniser
    from sonant.runtime.recogniser import load as load
    from sonant.serving.server import serve
    from sonant.tracing import stream

__version__ = "0.1.0"

_PUBLIC = {
    "Item": ("sonant.manifest", "Item"),
    "Manifest": ("sonant.manifest", "Manifest"),
    "Recogniser": ("sonant.runtime.recogniser", "Recogniser"),
    "SonantError": ("sonant.errors", "SonantError"),
    "evaluate": ("sonant.assessment", "assess"),
    "load": ("sonant.runtime.recogniser", "load"),
    "predict": ("sonant.prediction", "predict"),
    "serve": ("sonant.serving.server", "serve"),
    "stream": ("sonant.tracing", "stream"),
    "train": ("sonant.runs", "train"),
}

__all__ = [
    "Item",
    "Manifest",
    "Recogniser",
    "SonantError",
    "evaluate",
    "load",
    "predict",
    "serve",
    "stream",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'sonant' has no attribute {name!r}")
    module, attribute = _PUBLIC[name]
    return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
