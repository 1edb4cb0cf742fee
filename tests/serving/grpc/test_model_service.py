"""ModelService: how versions stand, and another set of models by a call."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from serving.grpc.caller import Caller, predict, serving
from serving.grpc.half_plus_two import HalfPlusTwo
from sonant.serving.grpc.protos import message


def status_of(name: str, *, version: int | None = None) -> Any:
    request = message("GetModelStatusRequest")()
    request.model_spec.name = name
    if version is not None:
        request.model_spec.version.value = version
    return request


def reload_to(**models: Path | str) -> Any:
    request = message("ReloadConfigRequest")()
    request.config.model_config_list.SetInParent()
    for name, base in models.items():
        request.config.model_config_list.config.add(
            name=name, base_path=str(base), model_platform="tensorflow"
        )
    return request


def test_status_lists_the_newest_version_first() -> None:
    async def main() -> None:
        models = {("multi", 1): HalfPlusTwo(), ("multi", 2): HalfPlusTwo()}
        async with serving(models) as call:
            reply = await call("GetModelStatus", status_of("multi"))
            found = [(one.version, one.state) for one in reply.model_version_status]
            assert found == [(2, 30), (1, 30)]
            assert reply.model_version_status[0].status.error_code == 0
            one = await call("GetModelStatus", status_of("multi", version=1))
            assert [status.version for status in one.model_version_status] == [1]

    asyncio.run(main())


@pytest.mark.parametrize(
    ("request_", "code", "text"),
    [
        (message("GetModelStatusRequest")(), "INVALID_ARGUMENT", "Missing ModelSpec"),
        (status_of("nope"), "NOT_FOUND", "Could not find any versions of model nope"),
        (
            status_of("half_plus_two", version=99),
            "NOT_FOUND",
            "Could not find version 99 of model half_plus_two",
        ),
    ],
)
def test_status_of_what_is_not_there(request_: Any, code: str, text: str) -> None:
    async def main() -> None:
        async with serving() as call:
            assert await call.refused("GetModelStatus", request_) == (code, text)

    asyncio.run(main())


def test_a_reload_serves_exactly_what_it_lists(tmp_path: Path) -> None:
    async def main() -> None:
        (tmp_path / "one" / "7").mkdir(parents=True)
        (tmp_path / "two" / "8").mkdir(parents=True)
        async with serving() as call:
            reply = await call("HandleReloadConfigRequest", reload_to(one=tmp_path / "one"))
            assert reply.status.error_code == 0
            assert await version_of("one", call) == 7
            await call("HandleReloadConfigRequest", reload_to(two=tmp_path / "two"))
            assert await version_of("two", call) == 8
            code, _ = await call.refused("Predict", predict(2.0, name="one"))
            assert code == "NOT_FOUND"

    asyncio.run(main())


async def version_of(name: str, call: Caller) -> int:
    number: int = (await call("Predict", predict(2.0, name=name))).model_spec.version.value
    return number


def twice() -> Any:
    request = reload_to(a="/m/a")
    request.config.model_config_list.config.add(
        name="a", base_path="/m/b", model_platform="tensorflow"
    )
    return request


def labelled(folder: str) -> Any:
    request = reload_to(a=folder)
    request.config.model_config_list.config[0].version_labels["stable"] = 9
    return request


@pytest.mark.parametrize(
    ("request_", "code", "text"),
    [
        (
            message("ReloadConfigRequest")(),
            "INVALID_ARGUMENT",
            "ServerModelConfig type not supported by HandleReloadConfigRequest."
            " Only ModelConfigList is currently supported",
        ),
        (
            twice(),
            "INVALID_ARGUMENT",
            "Illegal to list model a multiple times in config list",
        ),
        (
            reload_to(a="models/a"),
            "INVALID_ARGUMENT",
            "Expected model a to have an absolute path or URI; got base_path()=models/a",
        ),
        (reload_to(a="s3://bucket/a"), "INVALID_ARGUMENT", "is no folder of this machine"),
        (labelled("/nowhere"), "FAILED_PRECONDITION", "label to version 9 of model a"),
    ],
)
def test_a_reload_that_is_refused_leaves_everything(request_: Any, code: str, text: str) -> None:
    async def main() -> None:
        async with serving() as call:
            found, said = await call.refused("HandleReloadConfigRequest", request_)
            assert found == code
            assert text in said
            assert await version_of("half_plus_two", call) == 123

    asyncio.run(main())
