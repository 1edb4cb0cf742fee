"""From the versions that answer to those that should, without a moment in which none does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from serving.catalog.fake_versions import Fakes, until, workshop, write
from sonant.serving.catalog.model import Model
from sonant.serving.spec import State
from sonant.serving.status import Code


def play(scene: Callable[[Model], Awaitable[None]], fakes: Fakes | None = None) -> None:
    async def whole() -> None:
        async with workshop(fakes or Fakes()) as made:
            await scene(Model("a", workshop=made))

    asyncio.run(whole())


def folders(base: Path, *numbers: int) -> dict[int, Path]:
    return {number: base / str(number) for number in numbers}


def states(model: Model) -> dict[int, State]:
    return {status.version: status.state for status in model.statuses()}


def test_the_old_version_answers_until_the_new_one_does(tmp_path: Path) -> None:
    write(tmp_path, "1", "2")
    fakes = Fakes()
    door = fakes.shut(tmp_path / "2")

    async def scene(model: Model) -> None:
        model.aspire(folders(tmp_path, 1))
        await model.tried()
        model.aspire(folders(tmp_path, 2))
        await until(lambda: states(model)[2] is State.LOADING)
        assert states(model) == {2: State.LOADING, 1: State.AVAILABLE}
        assert model.lasting == {1}
        door.set()
        await until(lambda: states(model)[1] is State.END)
        assert states(model) == {2: State.AVAILABLE, 1: State.END}
        assert model.available == [2]

    play(scene, fakes)


def test_a_version_that_fails_never_displaces_one_that_works(tmp_path: Path) -> None:
    write(tmp_path, "1", "2", "4")
    write(tmp_path, "3", says="damaged")

    async def scene(model: Model) -> None:
        model.aspire(folders(tmp_path, 1, 2))
        await model.tried()
        model.aspire(folders(tmp_path, 2, 3))
        await until(lambda: states(model)[3] is State.END)
        assert model.available == [2, 1]
        assert model.lasting == {1, 2}
        code, message = model.failure or (Code.OK, "")
        assert code is Code.DATA_LOSS
        assert "3: damaged" in message
        model.aspire(folders(tmp_path, 2, 4))
        await until(lambda: states(model)[1] is State.END)
        assert model.available == [4, 2]
        assert model.failure is None

    play(scene)


def test_what_failed_is_not_loaded_again_by_looking_again(tmp_path: Path) -> None:
    write(tmp_path, "1", says="damaged")
    fakes = Fakes()

    async def scene(model: Model) -> None:
        model.aspire(folders(tmp_path, 1))
        await until(lambda: states(model)[1] is State.END)
        model.aspire(folders(tmp_path, 1))
        await model.tried()
        assert fakes.loads.total() == 2  # both attempts
        write(tmp_path, "1")
        model.aspire({})
        model.aspire(folders(tmp_path, 1))
        await model.tried()
        assert model.available == [1]

    play(scene, fakes)


def test_what_failed_is_loaded_again_once_that_is_forgotten(tmp_path: Path) -> None:
    write(tmp_path, "1", says="damaged")

    async def scene(model: Model) -> None:
        model.aspire(folders(tmp_path, 1))
        await until(lambda: states(model)[1] is State.END)
        write(tmp_path, "1")
        model.forget_failures()
        model.aspire(folders(tmp_path, 1))
        await model.tried()
        assert states(model) == {1: State.AVAILABLE}

    play(scene)


def test_the_same_number_from_another_folder_takes_its_place(tmp_path: Path) -> None:
    write(tmp_path / "old", "1")
    write(tmp_path / "new", "1")
    fakes = Fakes()
    door = fakes.shut(tmp_path / "new" / "1")

    async def scene(model: Model) -> None:
        model.aspire(folders(tmp_path / "old", 1))
        await model.tried()
        before = model.running(1)
        model.aspire(folders(tmp_path / "new", 1))
        await asyncio.sleep(0.02)
        assert model.running(1) is before
        assert states(model) == {1: State.AVAILABLE}
        door.set()
        await until(lambda: model.running(1) is not before)
        assert states(model) == {1: State.AVAILABLE}

    play(scene, fakes)


def test_while_it_keeps_everything_that_answers_goes_on_answering(tmp_path: Path) -> None:
    write(tmp_path, "1", "2")

    async def scene(model: Model) -> None:
        model.aspire(folders(tmp_path, 1))
        await model.tried()
        model.aspire(folders(tmp_path, 2), keep=True)
        await model.tried()
        await asyncio.sleep(0.02)
        assert model.available == [2, 1]
        model.aspire(folders(tmp_path, 1))
        await until(lambda: model.available == [1])

    play(scene)


def test_nothing_wanted_unloads_all_and_unloaded_versions_stay_listed(tmp_path: Path) -> None:
    write(tmp_path, "1", "2")

    async def scene(model: Model) -> None:
        model.aspire(folders(tmp_path, 1, 2))
        await model.tried()
        model.aspire({})
        await until(lambda: set(states(model).values()) == {State.END})
        assert list(states(model)) == [2, 1]
        assert model.running() is None
        model.aspire(folders(tmp_path, 2))
        await model.tried()
        assert states(model) == {2: State.AVAILABLE, 1: State.END}

    play(scene)


@settings(max_examples=25, deadline=None)
@given(
    wishes=st.lists(st.sets(st.integers(1, 4), min_size=1), min_size=1, max_size=6),
    bad=st.sets(st.integers(2, 4)),
    pauses=st.lists(st.booleans(), min_size=6, max_size=6),
)
def test_whatever_is_wished_in_whatever_order_something_always_answers(
    tmp_path_factory: object, wishes: list[set[int]], bad: set[int], pauses: list[bool]
) -> None:
    base = tmp_path_factory.mktemp("a")  # type: ignore[attr-defined]
    for number in (1, 2, 3, 4):
        write(base, str(number), says="damaged" if number in bad else "well")

    async def scene(model: Model) -> None:
        model.aspire(folders(base, 1))
        await model.tried()
        for wish, pause in zip(wishes, pauses, strict=False):
            model.aspire(folders(base, *wish))
            assert model.running()
            if pause:
                await model.tried()
                assert model.running()
        await model.tried()
        good = wishes[-1] - bad
        await until(lambda: good <= set(model.available))
        assert model.running()
        if not wishes[-1] & bad:
            await until(lambda: set(model.available) == wishes[-1])

    play(scene)
