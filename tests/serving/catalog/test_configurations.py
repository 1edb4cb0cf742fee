"""One configuration after another: whole, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from serving.catalog.fake_versions import (
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
from sonant.serving.catalog import All, Catalog
from sonant.serving.spec import ModelSpec, State
from sonant.serving.status import Code, Refusal


def test_another_configuration_replaces_the_first(tmp_path: Path) -> None:
    first, second = one(write(tmp_path / "a", "1")), one(write(tmp_path / "b", "1"))

    async def scene(catalog: Catalog) -> None:
        await catalog.configure(second)
        assert version(catalog, name="b") == 1
        await until(lambda: states(catalog, "a") == {1: State.END})
        assert catalog.names() == ["b"]
        assert catalog.ready

    play(first, scene)


def test_a_configuration_that_is_refused_changes_nothing(tmp_path: Path) -> None:
    a, b = write(tmp_path / "a", "1"), write(tmp_path / "b", "1", "2")
    fakes = Fakes()
    config = one(a, labels={"stable": 1}, platform="tensorflow")

    async def scene(catalog: Catalog) -> None:
        label = await refused(catalog.configure(both(one(a), one(b, labels={"x": 9}))))
        assert label == (
            Code.FAILED_PRECONDITION,
            "Request to assign label to version 9 of model b, "
            "which is not currently available for inference",
        )
        _, message = await refused(catalog.configure(one(a, platform="other")))
        assert message.startswith("Illegal to change a model's platform. For model a platform was")
        assert catalog.names() == ["a"]
        assert version(catalog, name="a", label="stable") == 1
        assert fakes.loads.keys() == {str(a / "1")}, "nothing was loaded for it"

    play(config, scene, load=fakes)


def test_a_label_on_a_version_that_fails_to_load_takes_the_whole_configuration_back(
    tmp_path: Path,
) -> None:
    a, b = write(tmp_path / "a", "1"), write(tmp_path / "b", "1")
    write(a, "2", says="damaged")

    async def scene(catalog: Catalog) -> None:
        await catalog.configure(one(a, policy=All(), labels={"stable": 1}))
        wanted = both(one(a, policy=All(), labels={"stable": 2}), one(b))
        await refused(catalog.configure(wanted))
        assert catalog.names() == ["a"]
        assert catalog.available("b") == []
        assert version(catalog, name="a", label="stable") == 1

    play(one(a, policy=All()), scene)


def test_a_new_label_may_wait_for_its_version_where_that_is_allowed(tmp_path: Path) -> None:
    base = write(tmp_path / "a", "1")

    async def scene(catalog: Catalog) -> None:
        await catalog.configure(one(base, policy=All(), labels={"next": 2}))
        _, message = refusal(lambda: catalog.held(ModelSpec(name="a", label="next")))
        assert message == "Servable not found for request: Specific(a, 2)"
        write(base, "2")
        await catalog.look_again()
        await until(lambda: catalog.available("a") == [2, 1])
        assert version(catalog, name="a", label="next") == 2
        code, _ = await refused(catalog.configure(one(base, policy=All(), labels={"next": 3})))
        assert code is Code.FAILED_PRECONDITION

    play(one(base, policy=All()), scene, allow_version_labels_for_unavailable_models=True)


def test_a_server_does_not_start_with_a_label_on_nothing(tmp_path: Path) -> None:
    async def never(catalog: Catalog) -> None:
        raise AssertionError

    with pytest.raises(Refusal, match="assign label to version 3 of model a"):
        play(one(write(tmp_path / "a", "1"), labels={"x": 3}), never)
