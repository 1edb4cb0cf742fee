"""What the process uses, on systems that tell much and on those that tell little."""

from __future__ import annotations

from pathlib import Path

import pytest

from sonant.serving.metrics import process
from sonant.serving.metrics.process import usage


def test_memory_in_use_grows_with_what_is_held() -> None:
    before = usage().resident_bytes
    held = bytearray(b"x") * 2**26
    assert usage().resident_bytes - before > 2**25
    del held


def test_an_open_file_is_counted(tmp_path: Path) -> None:
    before = usage().descriptors
    with (tmp_path / "file").open("w"):
        assert usage().descriptors == before + 1


def test_a_system_without_proc_tells_the_most_that_ever_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = usage().resident_bytes
    monkeypatch.setattr(process, "_STATM", tmp_path / "none")
    monkeypatch.setattr(process, "_DESCRIPTORS", tmp_path / "none")
    assert usage().resident_bytes >= now // 2
    assert usage().descriptors == 0
