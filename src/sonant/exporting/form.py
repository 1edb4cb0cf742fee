"""The forms a model can take outside of torch, and their names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Final, Literal, TypeAlias, get_args

from sonant.errors import ExportError

Format: TypeAlias = Literal["onnx", "tflite", "saved_model"]
Mode: TypeAlias = Literal["whole", "stream", "stream-internal"]

ENDING: Final[Mapping[str, str]] = {"onnx": ".onnx", "tflite": ".tflite", "saved_model": ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What is asked for."""

    format: Format
    mode: Mode = "whole"
    int8: bool = False
    front_end: bool = True
    """Whether it takes samples; else it takes features, and the target brings its own."""

    def __post_init__(self) -> None:
        for name, kinds in (("format", Format), ("mode", Mode)):
            if getattr(self, name) not in get_args(kinds):
                raise ExportError(
                    f"{name}: {getattr(self, name)!r} is not one of {', '.join(get_args(kinds))}"
                )
        if self.mode == "stream-internal" and self.format == "onnx":
            raise ExportError(
                "an ONNX graph keeps no state inside: --mode stream has it as inputs and outputs; "
                "--mode stream-internal is for --format tflite and saved_model"
            )
        if self.int8 and self.format == "saved_model":
            raise ExportError("a SavedModel is float: take --int8 with onnx or tflite")

    @classmethod
    def named(cls, name: str) -> Form:
        """The form of a name such as `tflite-stream-int8`; raises `ExportError` for another."""
        forms = list(_every(cls))
        for form in forms:
            if form.name == name:
                return form
        known = ", ".join(form.name for form in forms)
        raise ExportError(f"{name}: is no form of a model; there are {known}")

    @property
    def name(self) -> str:
        """As in `tflite-stream-int8`; also the name of its file."""
        parts = [self.format.replace("_", ""), self.mode]
        parts += ["int8"] * self.int8 + ["features"] * (not self.front_end)
        return "-".join(parts)

    @property
    def file(self) -> str:
        """Name of the file or folder."""
        return self.name + ENDING[self.format]


def _every(kind: type[Form]) -> Iterator[Form]:
    """All that make sense."""
    for format, mode in product(get_args(Format), get_args(Mode)):
        for int8, front_end in product((False, True), (True, False)):
            try:
                yield kind(format=format, mode=mode, int8=int8, front_end=front_end)
            except ExportError:
                continue
