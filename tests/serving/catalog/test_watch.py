"""Looking again into folders and into models.config, every so often."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from serving.catalog.fake_versions import one, serving, states, until, write
from sonant.serving.catalog import Catalog, ServerConfig, read_config
from sonant.serving.catalog.watch import Watch
from sonant.serving.options import Options
from sonant.serving.spec import State

OFTEN_S = 0.01


def write_config(file: Path, *names: str) -> Path:
    models = (f"config {{ name: '{name}' base_path: '{name}' }}" for name in names)
    file.write_text(f"model_config_list {{ {' '.join(models)} }}")
    return file


def test_new_versions_are_found_by_themselves(tmp_path: Path) -> None:
    base = write(tmp_path / "a", "1")

    async def scene() -> None:
        async with serving(one(base), file_system_poll_wait_seconds=OFTEN_S) as catalog:
            write(base, "2_tmp")
            (base / "2_tmp").rename(base / "2")
            await until(lambda: states(catalog, "a") == {2: State.AVAILABLE, 1: State.END})

    asyncio.run(scene())


def test_a_configuration_file_is_read_again_and_a_bad_one_leaves_the_old(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path / "a", "1")
    write(tmp_path / "b", "1")
    file = write_config(tmp_path / "models.config", "a")

    async def scene() -> None:
        async with serving(
            read_config(file), model_config_file=file, model_config_file_poll_wait_seconds=OFTEN_S
        ) as catalog:
            file.write_text("improperly formatted file")
            await until(lambda: "improperly" in caplog.text)
            assert catalog.names() == ["a"]
            assert catalog.ready
            write_config(file, "b")
            await until(lambda: catalog.names() == ["b"])
            await until(lambda: states(catalog, "a") == {1: State.END})
            assert states(catalog, "b") == {1: State.AVAILABLE}

    asyncio.run(scene())
    assert "Error parsing text-format tensorflow.serving.ModelServerConfig" in caplog.text
    assert "the old configuration stays" in caplog.text


def test_a_complaint_is_made_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "models.config"
    seen: list[ServerConfig] = []

    async def configure(config: ServerConfig) -> None:
        seen.append(config)

    async def scene() -> None:
        watch = Watch(Options(model_config_file=file))
        for _ in range(3):
            await watch.read_again(configure)
        write_config(file, "a")
        for _ in range(3):
            await watch.read_again(configure)

    asyncio.run(scene())
    assert caplog.text.count("the old configuration stays") == 1
    assert len(seen) == 1, "what has not changed is not configured again"


def test_a_clock_goes_on_after_an_error(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    turns: list[int] = []

    async def stumble() -> None:
        turns.append(1)
        raise ZeroDivisionError

    async def scene() -> None:
        watch = Watch(Options(file_system_poll_wait_seconds=0.001))
        watch.begin(ServerConfig(), look_again=stumble, configure=Catalog.configure)  # type: ignore[arg-type]
        await until(lambda: len(turns) > 2)
        await watch.end()

    asyncio.run(scene())
    assert "looking for changes failed" in caplog.text


def test_nobody_looks_where_it_is_not_wanted() -> None:
    async def scene() -> None:
        watch = Watch(Options(file_system_poll_wait_seconds=0))
        watch.begin(ServerConfig(), look_again=None, configure=None)  # type: ignore[arg-type]
        assert len(asyncio.all_tasks()) == 1
        await watch.end()

    asyncio.run(scene())
