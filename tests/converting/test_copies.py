"""Recordings through the vocoder alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from converters import MEL, write_converter, write_vocoder, write_voice
from sonant.conversion.converter import Converter
from sonant.converting import copies
from sonant.converting.judging import Judge


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_converter(tmp_path_factory.mktemp("converter"))


def test_a_better_vocoder_has_nearer_copies(bundle: Path, tmp_path: Path) -> None:
    path = write_voice(tmp_path / "a.flac", 120.0, seconds=2.0)
    seen: list[tuple[int, int]] = []

    def copied(converter: Converter) -> copies.Copied:
        (one,) = copies.copies(
            [path, tmp_path / "gone.wav"],
            converter=converter,
            judge=Judge(mel=MEL, melody=False),
            on_progress=lambda *where: seen.append(where),
        )
        return one

    good = copied(Converter.load(bundle, "griffin-lim", threads=1))
    bad = copied(Converter.load(bundle, write_vocoder(tmp_path), threads=1))
    assert good.path == path
    assert good.mcd_db < 0.5 * bad.mcd_db
    assert (good.cosine, good.accepted) == (None, None)
    assert seen[0] == (1, 2)
    assert good.stoi is not None
    assert bad.stoi is not None
    assert good.stoi > bad.stoi


def test_the_mean_is_of_what_is_there() -> None:
    assert copies.mean([1.0, None, 3.0]) == 2.0
    assert copies.mean([None]) is None
