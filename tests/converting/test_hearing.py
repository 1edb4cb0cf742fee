"""Recordings read once, and those that are of no use named before the work begins."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bundles import RATE_HZ
from converters import write_voice
from sonant.converting import hearing
from sonant.converting.hearing import Kept
from sonant.errors import AudioError


def test_recordings_are_opened_in_order_and_what_is_wrong_is_said(tmp_path: Path) -> None:
    paths = [
        write_voice(tmp_path / "good.flac", 120.0),
        tmp_path / "missing.wav",
        tmp_path / "silent.wav",
        write_voice(tmp_path / "short.wav", 120.0, seconds=0.1),
    ]
    soundfile.write(paths[2], np.zeros(RATE_HZ), RATE_HZ)
    seen: list[tuple[int, int]] = []
    found = list(
        hearing.check(paths, rate_hz=8000, njobs=2, on_progress=lambda *where: seen.append(where))
    )
    assert [one.path for one in found] == paths
    assert found[0].seconds == pytest.approx(1.5)
    assert [one.objection.partition(": ")[2] for one in found] == [
        "",
        "cannot be read as audio (no such file)",
        "is silent, there is no voice in it",
        "lasts 0.100 s, want 0.25 s or more",
    ]
    assert all(one.objection.startswith(str(one.path)) for one in found[1:])
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_a_result_is_worked_out_once_however_many_ask() -> None:
    asked: list[int] = []
    all_there = threading.Barrier(4)

    def make(number: int) -> int:
        asked.append(number)
        return -number

    kept = Kept(make, most=2)

    def ask(number: int) -> int:
        all_there.wait()
        return kept(number)

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(ask, [7, 7, 7, 7])) == [-7] * 4
    assert asked == [7]


def test_the_least_used_is_forgotten_first() -> None:
    asked: list[str] = []
    kept = Kept(lambda name: asked.append(name) or name, most=2)
    for name in ("a", "b", "a", "c", "a", "b"):
        assert kept(name) == name
    assert asked == ["a", "b", "c", "b"]


def test_an_error_is_not_kept() -> None:
    tries: list[str] = []

    def make(name: str) -> str:
        tries.append(name)
        if len(tries) == 1:
            raise AudioError("not yet there")
        return name

    kept = Kept(make, most=2)
    with pytest.raises(AudioError, match="not yet"):
        kept("a")
    assert kept("a") == "a"
