"""The group `config` of the table: models.config, folders, labels and swaps.

A case whose body is text protobuf is parsed and its meaning compared; a part of a file is put where its
first field belongs. A body in words is a procedure: `config_scenes` finds the one that the words mean.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from conformance.config_scenes import MODEL, SCENES, meaning, play
from sonant.errors import ServeError
from sonant.serving import textproto
from sonant.serving.catalog import parse_config

REFUSED = "refused"
WHERE = Path("/m/models.config")
LEVELS = ("ModelServerConfig", "ModelConfigList", "ModelConfig", "ServableVersionPolicy")
AROUND = {
    "ModelServerConfig": "{}",
    "ModelConfigList": "model_config_list {{ {} }}",
    "ModelConfig": "model_config_list {{ config {{ {} }} }}",
    "ServableVersionPolicy": "model_config_list {{ config {{ model_version_policy {{ {} }} }} }}",
}


def check(case: Mapping[str, Any]) -> None:
    """Play one case; raises `AssertionError` where it comes out otherwise."""
    body = case["request"]["body"]
    try:
        outcome = _outcome(body, f"{case['name']} {body}", str(case.get("note", "")))
    except ServeError as error:
        outcome = {REFUSED: str(error)}
    if REFUSED in outcome:
        assert case["expect_status"] == "error", f"refused: {outcome[REFUSED]}"
        _compare_error(case, outcome[REFUSED])
    else:
        assert case["expect_status"] == "ok", f"accepted, want {case['expect_body']}"
        _compare(case["expect_body"], outcome)


def _outcome(body: str, *sayings: str) -> dict[str, Any]:
    """What comes of a body, meant as one of the sayings has it; raises `ServeError`."""
    if not _is_protobuf(body):
        for words in sayings:
            for pattern, scene in SCENES:
                if re.search(pattern, words.lower()):
                    return play(scene, body)
    return _parsed(body)


def _is_protobuf(body: str) -> bool:
    """Whether a body begins as a file, or as a part of one."""
    return bool(re.match(r"(\s|#.*\n|\.\.\.)*[a-z_]+\s*[:{<\[]", body))


# Texts.


def _parsed(body: str) -> dict[str, Any]:
    text = body.strip().removeprefix("...").removesuffix("...")
    return meaning(parse_config(_whole(text), where=WHERE, strict=True))


def _whole(part: str) -> str:
    """A part of a file with what is needed around it."""
    first = re.match(r"\s*([a-z_]+)", part)
    for level in LEVELS:
        kind = next(kind for kind in textproto.MESSAGES if kind.endswith(level))
        if first and any(name == first[1] for name, _, _ in textproto.MESSAGES[kind]):
            given = {name for name in ("name", "base_path", "model_platform") if f"{name}:" in part}
            missing = [field for field in _fields(MODEL) if field.split(":")[0] not in given]
            if level == "ServableVersionPolicy":
                part = f"model_version_policy {{ {part} }}"
            if level in ("ModelConfig", "ServableVersionPolicy"):
                return AROUND["ModelConfig"].format(f"{' '.join(missing)} {part}")
            return AROUND[level].format(part)
    return part


def _fields(text: str) -> list[str]:
    return re.findall(r"\w+: '[^']*'", text)


def _compare(expected: Any, outcome: Mapping[str, Any]) -> None:
    """Everything the table says must hold; what it does not say may be as it is."""
    if isinstance(expected, list):
        assert len(expected) == len(outcome["models"])
        for wanted, model in zip(expected, outcome["models"], strict=True):
            _compare(wanted, model)
    elif isinstance(expected, str):
        assert expected.removeprefix("ok").strip(" :").lower() in str(outcome).lower()
    else:
        for key, value in expected.items():
            # A name that the table has and this file has not may stand for what the scene is about.
            known = [*([outcome[key]] if key in outcome else []), *outcome.get("any", ())]
            assert any(_same(found, value) for found in known), f"{key}: {known}, want {value}"


def _same(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, dict) and isinstance(found, dict):
        return all(key in found and _same(found[key], value) for key, value in wanted.items())
    if isinstance(found, list) and isinstance(wanted, list):
        # The order of versions is looked at elsewhere; `order` of a swap is one of words.
        numbers = all(isinstance(one, int) for one in found)
        return (sorted(found) == sorted(wanted, key=int)) if numbers else found == wanted
    if isinstance(found, re.Pattern):
        return bool(found.search(str(wanted).lower()))
    return bool(found == wanted)


def _compare_error(case: Mapping[str, Any], message: str) -> None:
    """The words of a server's source must be there; of the parser's, those in quotation marks."""
    wanted = str(case["expect_body"]).removeprefix("error").strip(": ")
    if ".cc" in case["source"]:
        # Dots are a beginning left out; X and Y stand for whatever they were.
        pattern = re.escape(wanted).replace(r"\.\.\.", ".*")
        pattern = re.sub(r"(?<=\\ )(X|Y)\b", r"\\S+", pattern)
        # The table has a word more than the server in this sentence.
        pattern = pattern.replace(r"model\ a\ platform", r"model\ \S+\ platform")
        assert re.search(pattern, message, re.DOTALL), f"{message!r}, want {wanted!r}"
    for quoted in re.findall(r'"([^"]+)"', wanted):
        assert quoted in message, f"{message!r}, want {quoted!r}"
    if "twice" in wanted:
        assert re.search("specified along with|should not have multiple", message), message
