"""bundle.json taken apart, strictly: every key is there, of its type, and nothing else is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from sonant.audio import CROPS, PADS, Crop, Pad
from sonant.card.specs import (
    AudioSpec,
    ExportSpec,
    GraphSpec,
    ModelSpec,
    Provenance,
    StateSpec,
    StreamSpec,
)
from sonant.json_tree import JsonTree


def labels(tree: JsonTree) -> tuple[str, ...]:
    """Labels in the order of the answer."""
    found = tree.get("labels", list)
    for label in found:
        if type(label) is not str or not label or found.count(label) > 1:
            raise tree.error("labels", f"{label!r} is empty, twice there or no text")
    return tuple(found)


def audio(tree: JsonTree) -> AudioSpec:
    """What the graphs listen to."""
    tree.only("rate_hz", "samples", "pad", "crop")
    return AudioSpec(
        rate_hz=tree.count("rate_hz"),
        samples=tree.count("samples"),
        pad=cast(Pad, tree.choice("pad", PADS)),
        crop=cast(Crop, tree.choice("crop", CROPS)),
    )


def graphs(tree: JsonTree, files: Mapping[str, str]) -> dict[str, GraphSpec]:
    """ONNX graphs by name; `files` are those the bundle has."""
    found = {}
    for name in tree.values:
        part = tree.table(name)
        part.only("file", "input", "output", "max_difference", "stream")
        _among(part, "file", part.text("file"), files)
        found[name] = GraphSpec(
            file=part.text("file"),
            input=part.text("input"),
            output=part.text("output"),
            max_difference=part.number("max_difference"),
            stream=_stream(part.table("stream")) if part.values.get("stream") else None,
        )
    return found


def _stream(tree: JsonTree) -> StreamSpec:
    tree.only("hop", "delay", "warm_up", "macs_per_second", "states")
    return StreamSpec(
        hop=tree.count("hop"),
        delay=tree.count("delay", least=0),
        warm_up=tree.count("warm_up", least=0),
        macs_per_second=tree.number("macs_per_second"),
        states=tuple(_state(tree, state) for state in tree.get("states", list)),
    )


def _state(tree: JsonTree, value: object) -> StateSpec:
    if not isinstance(value, dict):
        raise tree.error("states", f"holds a {type(value).__name__}, want objects")
    part = JsonTree(file=tree.file, where=f"{tree.where}states.", values=value)
    part.only("name", "next", "shape")
    shape = part.get("shape", list)
    if not all(type(size) is int and size >= 0 for size in shape):
        raise part.error("shape", f"{shape} is no list of sizes")
    return StateSpec(name=part.text("name"), next=part.text("next"), shape=tuple(shape))


def exports(tree: JsonTree, files: Mapping[str, str]) -> dict[str, ExportSpec]:
    """The model in other formats, by name."""
    found = {}
    for name in tree.values:
        part = tree.table(name)
        part.only("files", "format", "mode", "int8", "front_end", "report")
        for file in part.get("files", list):
            _among(part, "files", file, files)
        found[name] = ExportSpec(
            files=tuple(part.get("files", list)),
            format=part.text("format"),
            mode=part.text("mode"),
            int8=part.get("int8", bool),
            front_end=part.get("front_end", bool),
            report=part.table("report").values,
        )
    return found


def _among(tree: JsonTree, key: str, file: object, files: Mapping[str, str]) -> None:
    if file not in files:
        raise tree.error(key, f"{file!r} is not among the bundle's files")


def model(tree: JsonTree) -> ModelSpec:
    """What the network is."""
    tree.only("name", "parameters", "macs_per_second")
    return ModelSpec(
        name=tree.text("name"),
        parameters=tree.count("parameters", least=0),
        macs_per_second=tree.number("macs_per_second"),
    )


def provenance(tree: JsonTree) -> Provenance:
    """Where it came from."""
    tree.only("code", "data", "versions", "created", "parent")
    versions = tree.table("versions")
    return Provenance(
        code=tree.text("code"),
        data=tree.text("data"),
        versions={library: versions.text(library) for library in versions.values},
        created=tree.text("created"),
        parent=tree.get("parent", str, type(None)),
    )
