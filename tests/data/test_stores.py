"""Stores of decoded clips can be seen, and ended when nobody used them for long."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sonant.data import stores
from sonant.data.cache import decode_manifest
from sonant.manifest import Item, Manifest


def clip(path: Path, *, seed: int) -> Item:
    soundfile.write(path, np.random.default_rng(seed).uniform(-0.5, 0.5, 800), 8000)
    return Item(path=path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A cache with two stores: one of a clip, not used for ten days, and one of two."""
    first, other = clip(tmp_path / "a.wav", seed=0), clip(tmp_path / "b.wav", seed=1)
    home = tmp_path / "clips"
    decode_manifest(Manifest(items=(first,)), rate_hz=8000, folder=home)
    (old,) = home.glob("*.json")
    age(old, days=10)
    decode_manifest(Manifest(items=(first, other)), rate_hz=8000, folder=home)
    return home


def age(path: Path, *, days: float) -> None:
    then = time.time() - days * stores.SECONDS_A_DAY
    os.utime(path, (then, then))


def test_every_store_is_listed_with_its_size_the_longest_unused_first(folder: Path) -> None:
    found = stores.kept(folder)
    assert [(store.clips, store.rate_hz) for store in found] == [(1, 8000), (2, 8000)]
    assert [int(store.days) for store in found] == [10, 0]
    assert sum(store.bytes for store in found) == sum(p.stat().st_size for p in folder.iterdir())
    assert stores.kept(folder / "nowhere") == []


def test_using_a_store_makes_it_young_again(folder: Path, tmp_path: Path) -> None:
    decode_manifest(Manifest(items=(Item(path=tmp_path / "a.wav"),)), rate_hz=8000, folder=folder)
    assert max(store.days for store in stores.kept(folder)) < 1


def test_only_what_was_not_used_for_long_is_removed_and_nothing_of_it_stays(folder: Path) -> None:
    young = next(store for store in stores.kept(folder) if store.clips == 2)
    stores.remove(stores.kept(folder, unused_days=5))
    assert set(folder.iterdir()) == set(young.paths)


def test_a_decoding_under_way_is_left_alone_and_a_broken_one_removed(folder: Path) -> None:
    for name in (".decoding-now", ".decoding-once"):
        (folder / name).mkdir()
        (folder / name / "0.pcm").write_bytes(bytes(100))
    age(folder / ".decoding-once", days=2)
    stores.remove(stores.kept(folder))
    assert [path.name for path in folder.iterdir()] == [".decoding-now"]
