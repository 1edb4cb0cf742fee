"""What `sonant serve MODELS` makes of a folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bundles import write_bundle
from serving.catalog.fake_versions import write
from sonant.errors import ServeError
from sonant.serving.catalog import ModelConfig, ServerConfig, Specific, config_of_folder
from sonant.serving.catalog.shelf import again


def test_every_bundle_in_a_folder_is_a_model(tmp_path: Path) -> None:
    write(tmp_path / "b", "1", "2")
    write(tmp_path / "a", "7")
    write(tmp_path / ".hidden", "1")
    (tmp_path / "empty" / "1").mkdir(parents=True)
    (tmp_path / "notes.txt").touch()
    assert config_of_folder(tmp_path) == ServerConfig(
        models=(
            ModelConfig(name="a", base_path=tmp_path / "a"),
            ModelConfig(name="b", base_path=tmp_path / "b"),
        ),
        folder=tmp_path,
    )


def test_one_bundle_is_one_model_under_its_name(tmp_path: Path) -> None:
    base = write(tmp_path / "kws", "1", "2")
    assert config_of_folder(base).models == (ModelConfig(name="kws", base_path=base),)


def test_one_version_is_served_alone(tmp_path: Path) -> None:
    base = write(tmp_path / "kws", "1", "2")
    (model,) = config_of_folder(base / "1").models
    assert (model.name, model.base_path, model.policy) == ("kws", base, Specific(versions=(1,)))


def test_a_version_that_was_renamed_is_what_its_card_says(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path, name="tones", version=3).rename(tmp_path / "copy")
    (model,) = config_of_folder(folder).models
    assert (model.name, model.bundle) == ("tones", (3, folder))


def test_a_card_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ServeError, match="cannot be served"):
        config_of_folder(write(tmp_path, "copy", says="{") / "copy")


def test_a_run_folder_serves_its_bundle(tmp_path: Path) -> None:
    base = write(tmp_path / "runs" / "first" / "bundle" / "kws", "1")
    (model,) = config_of_folder(tmp_path / "runs" / "first").models
    assert (model.name, model.base_path) == ("kws", base)


@pytest.mark.parametrize("name", ["", "gone"])
def test_a_folder_without_bundles_says_what_was_looked_for(tmp_path: Path, name: str) -> None:
    with pytest.raises(ServeError, match=r"looked for <name>/<version>/bundle\.json"):
        config_of_folder(tmp_path / name)


def test_a_relative_folder_is_made_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "kws", "1")
    (tmp_path / "kws" / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "kws" / "sub")
    assert config_of_folder(Path("..")).models[0].base_path == tmp_path / "kws"


def test_a_link_out_of_the_folder_is_no_model(tmp_path: Path) -> None:
    write(tmp_path / "shelf" / "a", "1")
    (tmp_path / "shelf" / "b").symlink_to(write(tmp_path / "b", "1"))
    assert list(config_of_folder(tmp_path / "shelf").by_name) == ["a"]


def test_what_is_added_to_the_folder_is_found_and_what_was_a_model_stays_one(
    tmp_path: Path,
) -> None:
    base = write(tmp_path / "a", "1")
    config = config_of_folder(tmp_path)
    assert again(config) == config
    os.rename(base / "1", base / "1_gone")
    write(tmp_path / "b", "1")
    assert list(again(config).by_name) == ["a", "b"]
