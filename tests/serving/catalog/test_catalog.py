"""The catalog: what is loaded, what a request gets, and how one configuration follows another."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

import pytest

from serving.catalog.fake_versions import (
    Fake,
    Fakes,
    both,
    one,
    play,
    refusal,
    refused,
    states,
    until,
    version,
    write,
)
from sonant.errors import ServeError
from sonant.serving.catalog import All, Catalog, ServerConfig, config_of_folder
from sonant.serving.options import Options
from sonant.serving.spec import ModelSpec, State, VersionStatus
from sonant.serving.status import Code


def test_a_request_gets_the_newest_the_named_or_the_labelled_version(tmp_path: Path) -> None:
    async def scene(catalog: Catalog) -> None:
        assert version(catalog, name="a") == 2
        assert version(catalog, name="a", version=1) == 1
        assert version(catalog, name="a", label="stable") == 1
        assert catalog.labels("a") == {"stable": 1}
        assert catalog.available("a") == [2, 1]
        assert catalog.names() == ["a"]
        assert catalog.ready

    play(one(write(tmp_path / "a", "1", "2"), policy=All(), labels={"stable": 1}), scene)


def test_what_is_not_there_is_refused_in_the_words_of_tensorflow_serving(tmp_path: Path) -> None:
    async def scene(catalog: Catalog) -> None:
        def held(**spec: Any) -> tuple[Code, str]:
            return refusal(lambda: catalog.held(ModelSpec(**spec)))

        def statuses(**spec: Any) -> tuple[Code, str]:
            return refusal(lambda: catalog.statuses(ModelSpec(**spec)))

        no = "Servable not found for request: "
        assert held(name="foo") == (Code.NOT_FOUND, f"{no}Latest(foo)")
        assert held(name="a", version=99) == (Code.NOT_FOUND, f"{no}Specific(a, 99)")
        label = (Code.INVALID_ARGUMENT, "Unrecognized servable version label: x")
        assert held(name="a", label="x") == held(name="foo", label="x") == label
        assert held(name="") == (Code.INVALID_ARGUMENT, "ModelSpec has no name specified.")
        none = (Code.NOT_FOUND, "Could not find any versions of model foo")
        assert statuses(name="foo") == statuses(name="foo", version=3) == none
        assert statuses(name="a", version=9) == (
            Code.NOT_FOUND,
            "Could not find version 9 of model a",
        )
        assert statuses(name="a", label="x") == label

    play(one(write(tmp_path / "a", "1")), scene)


def test_a_status_asked_by_label_is_of_that_version_unless_strict(tmp_path: Path) -> None:
    config = one(write(tmp_path / "a", "1", "2"), policy=All(), labels={"stable": 1})

    def listed(catalog: Catalog, label: str) -> list[int]:
        return [status.version for status in catalog.statuses(ModelSpec(name="a", label=label))]

    async def ours(catalog: Catalog) -> None:
        assert listed(catalog, "stable") == [1]

    async def theirs(catalog: Catalog) -> None:
        assert listed(catalog, "stable") == listed(catalog, "x") == [2, 1]

    play(config, ours)
    play(config, theirs, strict_compat=True)


def test_a_new_version_is_available_before_the_old_one_goes(tmp_path: Path) -> None:
    base = write(tmp_path / "a", "1")
    seen: list[tuple[int, State]] = []

    async def scene(catalog: Catalog) -> None:
        write(base, "2")
        await catalog.look_again()
        await until(lambda: states(catalog, "a") == {2: State.AVAILABLE, 1: State.END})

    play(one(base), scene, on_state=lambda _, status: seen.append((status.version, status.state)))
    order = [(2, State.LOADING), (2, State.AVAILABLE), (1, State.UNLOADING), (1, State.END)]
    assert seen[2:6] == order


def test_a_request_in_hand_keeps_the_version_it_has(tmp_path: Path) -> None:
    base = write(tmp_path / "a", "1")

    async def scene(catalog: Catalog) -> None:
        with catalog.held(ModelSpec(name="a")) as running:
            write(base, "2")
            await catalog.look_again()
            await until(lambda: version(catalog, name="a") == 2)
            assert states(catalog, "a")[1] is State.UNLOADING
            assert running.version == 1
            gone = refusal(lambda: catalog.held(ModelSpec(name="a", version=1)))
            assert gone[0] is Code.NOT_FOUND
        await until(lambda: states(catalog, "a")[1] is State.END)

    play(one(base), scene)


def test_a_damaged_version_is_named_in_its_status_and_the_good_one_answers(tmp_path: Path) -> None:
    base = write(tmp_path / "a", "1")

    async def scene(catalog: Catalog) -> None:
        write(base, "2", says="its sha256 differs")
        await catalog.look_again()
        await until(lambda: states(catalog, "a")[2] is State.END)
        assert version(catalog, name="a") == 1
        assert catalog.ready
        newest, good = catalog.statuses(ModelSpec(name="a"))
        assert newest == VersionStatus(
            version=2,
            state=State.END,
            code=Code.DATA_LOSS,
            message=f"{base / '2'}: its sha256 differs",
        )
        assert good == VersionStatus(version=1, state=State.AVAILABLE)

    play(one(base), scene)


def test_a_model_that_cannot_be_loaded_keeps_nobody_from_answering(tmp_path: Path) -> None:
    bad, good = write(tmp_path / "bad", "1", says="damaged"), write(tmp_path / "good", "1")

    async def scene(catalog: Catalog) -> None:
        assert version(catalog, name="good") == 1
        assert states(catalog, "bad") == {1: State.END}
        assert not catalog.ready

    play(both(one(bad), one(good)), scene)


def test_an_empty_folder_is_warned_of_once_and_waited_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    base = tmp_path / "a"
    base.mkdir()

    async def scene(catalog: Catalog) -> None:
        await catalog.look_again()
        assert not catalog.ready
        assert catalog.names() == ["a"]
        write(base, "1")
        await catalog.look_again()
        await until(lambda: catalog.ready)

    play(one(base), scene)
    assert caplog.text.count("Did you forget to name your leaf directory as a number") == 1


def test_a_folder_that_is_away_for_a_moment_unloads_nothing(tmp_path: Path) -> None:
    base = write(tmp_path / "a", "1")

    async def scene(catalog: Catalog) -> None:
        base.rename(tmp_path / "away")
        await catalog.look_again()
        assert version(catalog, name="a") == 1

    play(one(base), scene)


def test_a_version_that_is_removed_gives_way_to_the_one_before(tmp_path: Path) -> None:
    base = write(tmp_path / "a", "1", "2")

    async def scene(catalog: Catalog) -> None:
        shutil.rmtree(base / "2")
        await catalog.look_again()
        await until(lambda: states(catalog, "a") == {2: State.END, 1: State.AVAILABLE})

    play(one(base), scene)


def test_a_bundle_added_to_the_folder_becomes_a_model(tmp_path: Path) -> None:
    write(tmp_path / "a", "1")

    async def scene(catalog: Catalog) -> None:
        write(tmp_path / "b", "1")
        await catalog.look_again()
        assert catalog.names() == ["a", "b"]
        assert version(catalog, name="b") == 1

    play(config_of_folder(tmp_path), scene)


def test_a_model_can_be_unloaded_and_loaded_by_name(tmp_path: Path) -> None:
    async def scene(catalog: Catalog) -> None:
        await catalog.unload("a")
        await until(lambda: states(catalog, "a") == {1: State.END})
        await catalog.look_again()
        assert catalog.available("a") == []
        assert catalog.names() == ["a"]
        assert catalog.ready
        await catalog.load("a")
        assert version(catalog, name="a") == 1
        assert await refused(catalog.load("x")) == await refused(catalog.unload("x"))

    play(one(write(tmp_path / "a", "1")), scene)


def test_loading_by_name_tries_again_and_says_why_it_fails(tmp_path: Path) -> None:
    base = write(tmp_path / "a", "1", says="damaged")

    async def scene(catalog: Catalog) -> None:
        assert await refused(catalog.load("a")) == (Code.DATA_LOSS, f"{base / '1'}: damaged")
        write(base, "1")
        await catalog.load("a")
        assert version(catalog, name="a") == 1

    play(one(base), scene)


def test_what_is_loaded_already_can_be_put_in(tmp_path: Path) -> None:
    fakes = Fakes()

    async def scene(catalog: Catalog) -> None:
        catalog.add("put", 7, Fake(), labels=["prod"])
        catalog.add("put", 8, Fake())
        assert version(catalog, name="put", label="prod") == 7
        await catalog.look_again()
        await catalog.configure(one(write(tmp_path / "a", "1")))
        assert catalog.names() == ["a", "put"]
        assert catalog.available("put") == [8, 7]
        await catalog.unload("put")
        await until(lambda: catalog.available("put") == [])
        await catalog.load("put")
        assert catalog.available("put") == [8, 7]

    play(ServerConfig(), scene, load=fakes)
    assert len(fakes.loads) == 1


def test_it_is_not_ready_before_it_has_begun() -> None:
    async def scene() -> None:
        catalog = Catalog(options=Options(), load=Fakes(), executor=None)  # type: ignore[arg-type]
        assert not catalog.ready
        await catalog.stop()

    asyncio.run(scene())


def test_a_stop_waits_for_nobody(tmp_path: Path) -> None:
    base = write(tmp_path / "a", "1")
    fakes = Fakes()

    async def scene(catalog: Catalog) -> None:
        door = fakes.shut(base / "2")
        write(base, "2")
        with catalog.held(ModelSpec(name="a")):
            await catalog.look_again()
            await catalog.stop()
            assert set(states(catalog, "a").values()) == {State.END}
        door.set()

    play(one(base), scene, load=fakes)


def test_a_bad_batching_file_is_told_before_anything_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(ServeError, match="gone"):
        Catalog(
            options=Options(batching_parameters_file=tmp_path / "gone"),
            load=Fakes(),
            executor=None,  # type: ignore[arg-type]
        )
