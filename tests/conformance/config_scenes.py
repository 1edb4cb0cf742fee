"""Procedures of the group `config`: each is played on a real catalog, with versions that hold no model.

A scene returns what came of it, under the names that the table has for that; `any` lists ways to say it
under a name that is not foreseen. It asserts by itself what the table does not ask.
"""

from __future__ import annotations

import asyncio
import logging
import re
import shutil
import tempfile
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from serving.catalog.fake_versions import one, serving, states, until, write
from sonant.serving.catalog import (
    All,
    Catalog,
    Latest,
    ModelConfig,
    ServerConfig,
    Specific,
    parse_config,
)
from sonant.serving.spec import ModelSpec, State, VersionStatus

MODEL = "name: 'a' base_path: '/m/a' model_platform: 'tensorflow'"


def meaning(config: ServerConfig) -> dict[str, Any]:
    """What a configuration means, under every name that the table may have for it."""
    models = [
        {
            "name": model.name,
            "base_path": str(model.base_path),
            "model_platform": model.platform,
            "version_labels": dict(model.labels),
            "labels": dict(model.labels),
            **_policy(model),
            "model_version_policy": _policy(model),
            "policy": _policy(model),
        }
        for model in config.models
    ]
    return {
        **(models[0] if models else {}),
        "models": models,
        "names": [model["name"] for model in models],
        "accepted": True,
    }


def _policy(model: ModelConfig) -> dict[str, Any]:
    match model.policy:
        case Latest(count=count):
            return {"latest": count}
        case Specific(versions=versions):
            return {"specific": list(versions)}
        case All():
            return {"all": {}}
    raise AssertionError(model.policy)


class Stage:
    """A folder for models, and what was logged and which states were gone through."""

    def __init__(self, root: Path, body: str) -> None:
        self.root = root
        self.body = body
        self.a = root / "m" / "a"
        self.a.mkdir(parents=True)
        self.logged: list[str] = []
        self.states: list[tuple[str, int, State]] = []

    def heard(self, model: str, status: VersionStatus) -> None:
        self.states.append((model, status.version, status.state))

    def file(self, text: str) -> ServerConfig:
        """A models.config with this text in its list, read strictly."""
        return parse_config(
            f"model_config_list {{ {text} }}", where=self.root / "models.config", strict=True
        )


Scene = Callable[[Stage], Coroutine[Any, Any, dict[str, Any]]]


def play(scene: Scene, body: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as root:
        stage = Stage(Path(root), body)
        with _logged(stage.logged):
            outcome = asyncio.run(scene(stage))
        told = (line.replace(f"{root}/", "/") for line in stage.logged)
        return {
            "accepted": True,
            "warning": next((line for line in told if line.startswith("No versions")), ""),
            **outcome,
        }


@contextmanager
def _logged(lines: list[str]) -> Iterator[None]:
    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    logger, handler = logging.getLogger("sonant.serving"), Keep()
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


def _with_label(
    version: int, *, before: int | None = None, there: tuple[str, ...] = ("1",), allow: bool = False
) -> Scene:
    """Label `l` of model a is set to a version, or moved to it."""

    async def scene(stage: Stage) -> dict[str, Any]:
        write(stage.a, *there)
        first = one(stage.a, policy=All(), labels={"l": before} if before else {})
        async with serving(first, allow_version_labels_for_unavailable_models=allow) as catalog:
            await catalog.configure(one(stage.a, policy=All(), labels={"l": version}))
            return {
                "labels": dict(catalog.labels("a")),
                "version_labels": dict(catalog.labels("a")),
            }

    return scene


async def _no_platform(stage: Stage) -> dict[str, Any]:
    return meaning(stage.file("config { name: 'a' base_path: '/m/a' }"))


async def _relative(stage: Stage) -> dict[str, Any]:
    return meaning(stage.file(f"config {{ {MODEL.replace('/m/a', 'm/a')} }}"))


async def _twice(stage: Stage) -> dict[str, Any]:
    return meaning(stage.file(f"config {{ {MODEL} }} config {{ {MODEL} }}"))


async def _other_platform(stage: Stage) -> dict[str, Any]:
    async with serving(one(write(stage.a, "1"), platform="tensorflow")) as catalog:
        await catalog.configure(one(stage.a, platform="other"))
    return {}


async def _replaced(stage: Stage) -> dict[str, Any]:
    """models.config is read again with model B in place of A."""
    file = stage.root / "models.config"

    def say(name: str) -> ServerConfig:
        write(stage.root / name, "1")
        text = f"config {{ name: '{name}' base_path: '{stage.root / name}' model_platform: 't' }}"
        file.write_text(f"model_config_list {{ {text} }}")
        return stage.file(text)

    async with serving(
        say("A"), model_config_file=file, model_config_file_poll_wait_seconds=0.01
    ) as catalog:
        say("B")
        await until(lambda: catalog.names() == ["B"])
        await until(lambda: states(catalog, "A") == {1: State.END})
        assert "A" not in catalog.names()
        return {"A": "unloaded", "B": states(catalog, "B")[1].name, "ready": catalog.ready}


async def _bad_file(stage: Stage) -> dict[str, Any]:
    """models.config is read again and is bad."""
    file = stage.root / "models.config"
    async with serving(
        one(write(stage.a, "1")), model_config_file=file, model_config_file_poll_wait_seconds=0.01
    ) as catalog:
        file.write_text("improperly formatted file")
        await until(lambda: any("old configuration stays" in line for line in stage.logged))
        assert catalog.available("a") == [1]
        return {"A": "AVAILABLE", "a": "AVAILABLE", **_STAYS}


async def _empty(stage: Stage) -> dict[str, Any]:
    write(stage.a, "model")
    async with serving(one(stage.a)) as catalog:
        return {"versions": catalog.available("a"), "ready": catalog.ready}


async def _names(stage: Stage) -> dict[str, Any]:
    """Folders with the names that the body lists, or else with all kinds of names."""
    listed = re.findall(r"[\w.+-]*\d[\w.+-]*", stage.body)
    names = [name.rstrip(".") for name in listed] or ["1", "00000123", "2_tmp", "1.0", "-3", "v4"]
    write(stage.a, *names)
    numbers = {name: int(name) for name in names if re.fullmatch("[0-9]+", name)}
    async with serving(one(stage.a, policy=All())) as catalog:
        found = catalog.available("a")
        assert found == sorted(set(numbers.values()), reverse=True)
    skipped = [name for name in names if name not in numbers]
    # Whatever the table calls them: versions, the newest one, what is left out.
    ways = [found, [str(number) for number in found], max(found, default=None), skipped]
    return {
        **numbers,
        **dict.fromkeys(skipped, re.compile("skip|ignor|none|no")),
        "any": [*ways, re.compile("skip|ignor"), *([True] if found else [])],
    }


async def _swap(stage: Stage) -> dict[str, Any]:
    write(stage.a, "1")
    async with serving(one(stage.a), on_state=stage.heard) as catalog:
        with catalog.held(ModelSpec(name="a")) as running:
            write(stage.a, "2")
            await catalog.look_again()
            await until(lambda: catalog.available("a") == [2])
            assert states(catalog, "a")[1] is State.UNLOADING, "it is still held"
            assert running.version == 1
        await until(lambda: states(catalog, "a")[1] is State.END)
    steps = {
        (2, State.LOADING): "load new",
        (2, State.AVAILABLE): "AVAILABLE",
        (1, State.UNLOADING): "then unload old",
    }
    order = [steps[number, state] for _, number, state in stage.states if (number, state) in steps]
    return {"order": order}


async def _failed_swap(stage: Stage) -> dict[str, Any]:
    write(stage.a, "1")
    async with serving(one(stage.a)) as catalog:
        write(stage.a, "2", says="damaged")
        await catalog.look_again()
        await until(lambda: states(catalog, "a")[2] is State.END)
        with catalog.held(ModelSpec(name="a")) as running:
            assert running.version == 1
        new, old = catalog.statuses(ModelSpec(name="a"))
        assert new.message
        return {
            "serving": 1,
            "old": old.state.name,
            "new": new.state.name,
            "1": old.state.name,
            "2": new.state.name,
            **_stands(catalog),
            **_STAYS,
        }


async def _removed(stage: Stage) -> dict[str, Any]:
    """The newest version is taken away."""
    write(stage.a, "1", "2")
    async with serving(one(stage.a)) as catalog:
        shutil.rmtree(stage.a / "2")
        await catalog.look_again()
        await until(lambda: catalog.available("a") == [1])
        return {"serving": 1} | _stands(catalog)


async def _renamed(stage: Stage) -> dict[str, Any]:
    """A version is copied under another name, and then renamed."""
    write(stage.a, "1", "2_tmp")
    async with serving(one(stage.a)) as catalog:
        assert catalog.available("a") == [1]
        (stage.a / "2_tmp").rename(stage.a / "2")
        await catalog.look_again()
        await until(lambda: catalog.available("a") == [2])
        return {"serving": 2} | _stands(catalog)


def _stands(catalog: Catalog) -> dict[str, Any]:
    available = catalog.available("a")
    return {"versions": available, "available": available, "ready": catalog.ready}


_STAYS: Mapping[str, Any] = {
    "any": [True, 1, "1", "AVAILABLE", re.compile("old|stay|keep|kept|still|serv|previous|never")]
}
"""Ways to say that what was there before is there still."""


SCENES: tuple[tuple[str, Scene], ...] = (
    (
        r"existing label.*(not loaded|unavailable|not available)",
        _with_label(9, before=1, allow=True),
    ),
    (r"(existing )?label.*moved.*(loaded|available)", _with_label(2, before=1, there=("1", "2"))),
    (r"label.*allow_version_labels|label.*flag on", _with_label(9, allow=True)),
    (r"label.*not (available|loaded)|label.*unloaded|label.*flag off", _with_label(9)),
    (r"label.*(available|loaded)", _with_label(1)),
    (r"(change|other|another).*platform", _other_platform),
    (r"no[_ ](model_)?platform|without.*platform|neither", _no_platform),
    (r"relative", _relative),
    (r"(same|duplicate|dup).*(model|name)|(model|name).*(twice|duplicate)", _twice),
    (
        r"(re-?read|polled|reload).*\b(bad|broken|invalid|malformed|garbage)\b(?!.*replaced)",
        _bad_file,
    ),
    (r"replace|model b\b", _replaced),
    (r"rename|copied aside|copy aside", _renamed),
    (r"(new|version|load|bundle).*(fails|failed|broken|damaged|corrupt|cannot)", _failed_swap),
    (r"no numeric|empty|no version", _empty),
    (r"_tmp|1\.0|0000|non.?numeric|numeric|children|child", _names),
    (r"removed|deleted|disappears", _removed),
    (r"new version|swap|appears", _swap),
)
"""Words of a body, name or note -> what they mean; the first that fits counts."""
