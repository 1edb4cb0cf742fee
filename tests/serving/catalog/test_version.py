"""One version on its way from START to END."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from serving.catalog.fake_versions import WELL, Fakes, until, workshop, write
from sonant.serving.catalog.version import Version
from sonant.serving.spec import State, VersionStatus
from sonant.serving.status import Code


def play(
    folder: Path, scene: Callable[[Version], Awaitable[None]], fakes: Fakes, **options: Any
) -> list[State]:
    """The states that a version of `folder` goes through in a scene."""
    states: list[State] = []

    async def whole() -> None:
        async with workshop(fakes, **options) as made:
            version = Version(
                5,
                folder,
                model="a",
                workshop=made,
                on_change=lambda: states.append(version.state),
            )
            assert version.status == VersionStatus(version=5, state=State.START)
            await scene(version)

    asyncio.run(whole())
    return states


def test_it_loads_answers_and_is_unloaded(tmp_path: Path) -> None:
    async def scene(version: Version) -> None:
        version.begin()
        await version.tried.wait()
        assert version.running
        version.retire()
        await until(lambda: version.state is State.END)
        assert version.running is None
        assert not version.failed

    states = play(write(tmp_path, "5") / "5", scene, Fakes())
    assert states == [State.LOADING, State.AVAILABLE, State.UNLOADING, State.END]


def test_it_stays_loaded_until_the_last_request_is_answered(tmp_path: Path) -> None:
    async def scene(version: Version) -> None:
        version.begin()
        await version.tried.wait()
        assert version.running
        with version.running.held() as running:
            version.retire()
            await asyncio.sleep(0.02)
            assert version.state is State.UNLOADING
            assert version.running is running
        await until(lambda: version.state is State.END)

    play(write(tmp_path, "5") / "5", scene, Fakes())


def test_one_that_fails_is_tried_again_and_says_why(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = write(tmp_path, "5", says="damaged") / "5"

    async def scene(version: Version) -> None:
        version.begin()
        await version.tried.wait()
        assert version.status == VersionStatus(
            version=5, state=State.LOADING, code=Code.DATA_LOSS, message=f"{folder}: damaged"
        )
        await until(lambda: version.failed)
        assert version.status.code is Code.DATA_LOSS

    fakes = Fakes()
    assert play(folder, scene, fakes) == [State.LOADING, State.LOADING, State.END]
    assert fakes.loads == {str(folder): 2}
    assert f"a version 5 in {folder} cannot be loaded: {folder}: damaged; 1 attempts" in caplog.text
    assert "it is given up" in caplog.text


def test_one_that_is_mended_meanwhile_comes_up(tmp_path: Path) -> None:
    async def scene(version: Version) -> None:
        version.begin()
        await version.tried.wait()
        write(tmp_path, "5")
        await until(lambda: version.state is State.AVAILABLE)
        assert version.status == VersionStatus(version=5, state=State.AVAILABLE)

    folder = write(tmp_path, "5", says="half of it") / "5"
    play(folder, scene, Fakes(), load_retry_interval_micros=50_000)
    assert (folder / "bundle.json").read_text() == WELL


def test_one_that_is_not_wanted_any_more_is_not_tried_again(tmp_path: Path) -> None:
    async def scene(version: Version) -> None:
        version.begin()
        await version.tried.wait()
        version.retire()
        await asyncio.sleep(0.02)

    fakes = Fakes()
    folder = write(tmp_path, "5", says="damaged") / "5"
    assert play(folder, scene, fakes, load_retry_interval_micros=10_000)[-1] is State.END
    assert fakes.loads == {str(folder): 1}


def test_what_loads_after_it_was_dropped_never_answers(tmp_path: Path) -> None:
    fakes = Fakes()
    folder = write(tmp_path, "5") / "5"
    door = fakes.shut(folder)

    async def scene(version: Version) -> None:
        version.begin()
        await until(lambda: bool(fakes.begun))
        version.retire()
        assert version.state is State.END
        assert version.tried.is_set()
        door.set()
        await until(lambda: bool(fakes.loads))
        await asyncio.sleep(0.02)

    assert play(folder, scene, fakes) == [State.LOADING, State.END]


def test_an_error_that_is_not_ours_ends_the_attempt_and_nothing_else(tmp_path: Path) -> None:
    async def scene(version: Version) -> None:
        version.begin()
        await until(lambda: version.failed)
        assert version.code is Code.INTERNAL
        assert "FileNotFoundError" in version.message

    play(tmp_path / "gone", scene, Fakes())
