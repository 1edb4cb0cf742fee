"""A file that was cut off shows it, whatever it is made of."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
import soundfile

from murmurs import RATE_HZ, murmur
from sonant.data.containers import shortfall

FORMATS = [
    ("WAV", "PCM_16"),
    ("WAV", "FLOAT"),
    ("WAV", "IMA_ADPCM"),
    ("WAVEX", "PCM_24"),
    ("RF64", "PCM_16"),
    ("W64", "PCM_16"),
    ("AIFF", "PCM_16"),
    ("AU", "PCM_16"),
    ("CAF", "PCM_16"),
    ("CAF", "ALAC_16"),
    ("OGG", "VORBIS"),
    ("OGG", "OPUS"),
]


def recording(path: Path, kind: str = "WAV", subtype: str = "PCM_16") -> bytes:
    soundfile.write(path, murmur(1), RATE_HZ, format=kind, subtype=subtype)
    return path.read_bytes()


@pytest.mark.parametrize(("kind", "subtype"), FORMATS)
def test_a_whole_file_lacks_nothing(tmp_path: Path, kind: str, subtype: str) -> None:
    path = tmp_path / "clip"
    recording(path, kind, subtype)

    assert shortfall(path) == ""


@pytest.mark.parametrize(("kind", "subtype"), FORMATS)
@pytest.mark.parametrize("share", [0.97, 0.5, 0.2])
def test_a_file_that_was_cut_off_is_found(
    tmp_path: Path, kind: str, subtype: str, share: float
) -> None:
    path = tmp_path / "clip"
    whole = recording(path, kind, subtype)
    path.write_bytes(whole[: int(share * len(whole))])

    assert shortfall(path).startswith("cut off")


def test_an_ogg_file_without_its_last_page_is_found(tmp_path: Path) -> None:
    path = tmp_path / "clip.ogg"
    whole = recording(path, "OGG", "OPUS")
    path.write_bytes(whole[: whole.rindex(b"OggS")])

    assert "last Ogg page" in shortfall(path)


@pytest.mark.parametrize("size", [0, 0x7FFF_F000, 0xFFFF_FFFF])
def test_a_length_that_was_not_known_when_writing_is_no_fault(tmp_path: Path, size: int) -> None:
    path = tmp_path / "clip.wav"
    whole = bytearray(recording(path))
    place = whole.index(b"data") + 4
    whole[place : place + 4] = struct.pack("<I", size)
    path.write_bytes(whole)

    assert shortfall(path) == ""


def test_a_few_bytes_less_are_a_careless_header(tmp_path: Path) -> None:
    path = tmp_path / "clip.wav"
    path.write_bytes(recording(path)[:-44])

    assert shortfall(path) == ""


def test_chunks_before_the_samples_are_stepped_over(tmp_path: Path) -> None:
    path = tmp_path / "clip.wav"
    whole = recording(path)
    place = whole.index(b"data")
    odd = b"LIST" + struct.pack("<I", 3) + b"abc\0"
    path.write_bytes(whole[:place] + odd + whole[place:-1000])

    assert shortfall(path).startswith("cut off")


@pytest.mark.parametrize("content", [b"", b"RIFF", b"RIFF1234WAVE", b".snd", b"a text\n" * 9])
def test_what_is_no_container_is_left_to_the_decoder(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "clip.wav"
    path.write_bytes(content)

    assert shortfall(path) == ""


def test_a_chunk_that_leads_nowhere_does_not_go_on_for_ever(tmp_path: Path) -> None:
    path = tmp_path / "clip.caf"
    path.write_bytes(b"caff\0\1\0\0" + b"free" + struct.pack(">q", -12))

    assert shortfall(path) == ""
