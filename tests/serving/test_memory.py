"""A server's allocator is told to keep few arenas, where there is one to tell."""

from __future__ import annotations

import platform

import pytest

from sonant.serving.memory import bound_arenas


def test_glibc_takes_the_bound() -> None:
    assert bound_arenas() is (platform.libc_ver()[0] == "glibc")


def test_other_systems_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "libc_ver", lambda: ("musl", "1.2"))
    assert bound_arenas() is False
