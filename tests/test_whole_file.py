"""A file is there whole or as it was before, with the permissions of any other new file."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from sonant import whole_file


def permissions(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_text_and_bytes_arrive_as_they_are(tmp_path: Path) -> None:
    whole_file.write_text(tmp_path / "a.txt", "ä\r\n")
    whole_file.write_bytes(tmp_path / "b", b"\0\xff")
    assert (tmp_path / "a.txt").read_bytes() == "ä\r\n".encode()
    assert (tmp_path / "b").read_bytes() == b"\0\xff"


@pytest.mark.parametrize("durable", [False, True])
def test_the_old_file_stands_until_the_new_one_is_whole(tmp_path: Path, durable: bool) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with whole_file.beside(path, durable=durable) as scratch:
        scratch.write_text("new")
        assert path.read_text() == "old"
        assert scratch.suffix == ".txt"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_after_an_error_nothing_has_changed(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")

    def begin() -> None:
        with whole_file.beside(path) as scratch:
            scratch.write_text("half")
            raise error

    with pytest.raises(error):
        begin()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        whole_file.write_text(tmp_path / "nowhere" / "a.txt", "text")


@pytest.mark.skipif(os.name != "posix", reason="permission bits are those of POSIX")
def test_permissions_are_those_of_any_new_file_whoever_writes(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    whole_file.write_bytes(tmp_path / "ours", b"")
    with whole_file.beside(tmp_path / "weights") as scratch:
        save_file({"weight": torch.zeros(2)}, scratch)  # makes files for their owner alone
    assert permissions(tmp_path / "ours") == permissions(tmp_path / "plain")
    assert permissions(tmp_path / "weights") == permissions(tmp_path / "plain")


@pytest.mark.skipif(os.name != "posix", reason="elsewhere a folder cannot be synced")
def test_what_must_outlive_a_power_cut_is_synced_before_and_after_it_moves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda handle: (done.append("sync"), fsync(handle)))
    monkeypatch.setattr(os, "replace", lambda one, two: (done.append("move"), replace(one, two)))
    with whole_file.beside(tmp_path / "a", durable=True) as scratch:
        scratch.write_text("text")
    assert done == ["sync", "move", "sync"]
