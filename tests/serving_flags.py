"""Flags of the server as files and pages write them, read back and held to what it takes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import get_type_hints

from sonant.serving.options import Options

FLAGS = {field.name: field for field in dataclasses.fields(Options)}
KINDS = get_type_hints(Options)
SWITCHES = {name for name, kind in KINDS.items() if kind is bool}
PORTS = ("rest_api_port", "port", "wyoming_port")


def flags(arguments: Sequence[str]) -> dict[str, str]:
    """`--name value` and `--name=value` -> {name: value}; a name or a number that is none fails."""
    found: dict[str, str] = {}
    rest = list(arguments)
    while rest:
        name, equals, value = rest.pop(0).removeprefix("--").partition("=")
        assert name in FLAGS, f"--{name} is no flag of the server"
        if name not in SWITCHES and not equals:
            value = rest.pop(0)
        assert KINDS[name] not in (int, float) or float(value) >= 0, f"--{name} {value}"
        found[name] = value
    return found


def port(given: Mapping[str, str], name: str) -> int:
    """What a flag says, or its default."""
    return int(given.get(name, FLAGS[name].default))


def ports(given: Mapping[str, str]) -> set[int]:
    """What a server with these flags listens on."""
    return {port(given, name) for name in PORTS} - {0}


def check_exposed(given: Mapping[str, str]) -> None:
    """A server that others reach asks for a token, or speaks nothing but Wyoming, which has none."""
    assert given["host"] == "0.0.0.0"
    if "insecure" in given:
        assert ports(given) == {port(given, "wyoming_port")}
    else:
        assert given["token_file"]
        assert port(given, "wyoming_port") == 0, "a server with a token refuses to speak Wyoming"
