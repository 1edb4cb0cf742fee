"""Clips are decoded once, and again only when what is in the files has changed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sonant import audio
from sonant.data import cache, decoding
from sonant.data.cache import decode_manifest
from sonant.errors import AudioError
from sonant.manifest import Item, Manifest


@pytest.fixture
def clips(tmp_path: Path) -> Manifest:
    rng = np.random.default_rng(0)
    items = []
    for number, length in enumerate([800, 1600, 400]):
        path = tmp_path / "clips" / f"{number}.wav"
        path.parent.mkdir(exist_ok=True)
        soundfile.write(path, rng.uniform(-0.5, 0.5, length), 8000)
        items.append(Item(path=path, label="word"))
    return Manifest(items=tuple(items))


def decode(manifest: Manifest, tmp_path: Path, **options: object) -> cache.Decoded:
    return decode_manifest(manifest, rate_hz=8000, folder=tmp_path / "cache", **options)  # type: ignore[arg-type]


def forbid_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("a decoder was touched")

    monkeypatch.setattr(audio, "read", refuse)


def test_the_store_holds_what_the_files_hold(clips: Manifest, tmp_path: Path) -> None:
    store = decode(clips, tmp_path).store
    for number, item in enumerate(clips):
        wanted = audio.to_pcm16(audio.read(item.path).samples)
        np.testing.assert_array_equal(store.clip(number), wanted)


def test_the_second_time_touches_no_decoder(
    clips: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = decode(clips, tmp_path).store
    forbid_decoding(monkeypatch)
    np.testing.assert_array_equal(decode(clips, tmp_path).store.pcm, first.pcm)


def test_a_moved_folder_is_recognised_by_content(
    clips: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decode(clips, tmp_path)
    shutil.copytree(tmp_path / "clips", tmp_path / "moved")
    moved = tuple(Item(path=tmp_path / "moved" / item.path.name) for item in clips)
    forbid_decoding(monkeypatch)
    assert len(decode(Manifest(items=moved), tmp_path).store) == 3


def test_a_changed_file_is_noticed_even_with_its_old_size_and_date(
    clips: Manifest, tmp_path: Path
) -> None:
    decode(clips, tmp_path)
    path = clips.items[0].path
    before = path.stat()
    soundfile.write(path, np.full(800, 0.25), 8000)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    np.testing.assert_array_equal(decode(clips, tmp_path).store.clip(0), np.full(800, 8192))


def test_segment_gain_and_rate_are_part_of_what_is_kept(clips: Manifest, tmp_path: Path) -> None:
    path = clips.items[1].path
    items = (
        Item(path=path, start_s=0.05, end_s=0.1),
        Item(path=path, gain=0.5),
        Item(path=path, gain=0.0),
    )
    store = decode(Manifest(items=items), tmp_path).store
    whole = audio.read(path).samples
    np.testing.assert_array_equal(store.clip(0), audio.to_pcm16(whole[400:800]))
    np.testing.assert_array_equal(store.clip(1), audio.to_pcm16(whole * np.float32(0.5)))
    assert not store.clip(2).any()
    doubled = decode_manifest(
        Manifest(items=items), rate_hz=16_000, folder=tmp_path / "cache"
    ).store
    assert len(doubled.clip(0)) == 800


def test_clips_that_cannot_be_read_are_named_and_stop_the_work(
    clips: Manifest, tmp_path: Path
) -> None:
    clips.items[1].path.write_bytes(b"noise")
    for _ in range(2):  # the second time from what is kept
        with pytest.raises(AudioError, match="1 of 3 clips cannot be read") as raised:
            decode(clips, tmp_path)
        assert "1.wav" in str(raised.value)
        assert "--skip-unreadable" in str(raised.value)


def test_clips_that_cannot_be_read_are_left_out_when_asked(clips: Manifest, tmp_path: Path) -> None:
    clips.items[1].path.unlink()
    soundfile.write(clips.items[2].path, np.array([np.nan, 0.0]), 8000, subtype="FLOAT")
    decoded = decode(clips, tmp_path, skip_unreadable=True)
    assert [item.path.name for item in decoded.manifest] == ["0.wav"]
    assert len(decoded.store) == 1
    assert "no such file" in decoded.unreadable[0]
    assert "not numbers" in decoded.unreadable[1]


def test_every_choice_among_the_clips_of_a_manifest_shares_its_store(
    clips: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = Manifest(items=(clips.items[2], clips.items[0]), name="some")
    some = decode(chosen, tmp_path, among=clips)
    assert some.manifest == chosen
    forbid_decoding(monkeypatch)
    whole = decode(clips, tmp_path).store
    for number, place in ((0, 2), (1, 0)):
        np.testing.assert_array_equal(some.store.clip(number), whole.clip(place))
    assert len(list((tmp_path / "cache").glob("*.pcm"))) == 1


def test_damage_elsewhere_among_them_is_no_concern_of_the_choice(
    clips: Manifest, tmp_path: Path
) -> None:
    clips.items[1].path.write_bytes(b"noise")
    chosen = Manifest(items=(clips.items[2], clips.items[0]))
    assert decode(chosen, tmp_path, among=clips).unreadable == ()
    with pytest.raises(AudioError, match="1 of 1 clips cannot be read"):
        decode(Manifest(items=clips.items[1:2]), tmp_path, among=clips)


def test_clips_that_are_not_among_them_are_decoded_for_themselves(
    clips: Manifest, tmp_path: Path
) -> None:
    silent = Item(path=clips.items[0].path, gain=0.0)
    store = decode(Manifest(items=(silent, clips.items[1])), tmp_path, among=clips).store
    assert not store.clip(0).any()
    assert len(store.clip(1)) == 1600


def test_what_cannot_be_read_is_named_where_it_lies_now(clips: Manifest, tmp_path: Path) -> None:
    clips.items[1].path.write_bytes(b"noise")
    with pytest.raises(AudioError):
        decode(clips, tmp_path)
    (tmp_path / "clips").rename(tmp_path / "moved")
    moved = Manifest(items=tuple(Item(path=tmp_path / "moved" / i.path.name) for i in clips))
    with pytest.raises(AudioError) as raised:
        decode(moved, tmp_path)
    assert f"{tmp_path / 'moved' / '1.wav'}: cannot be read as audio" in str(raised.value)
    assert str(tmp_path / "clips") not in str(raised.value)


def test_a_store_of_no_clips_has_none(tmp_path: Path) -> None:
    decode(Manifest(items=()), tmp_path)
    (description,) = (tmp_path / "cache").glob("*.json")
    store, errors = cache._open(tmp_path / "cache", description.stem, 8000)
    assert (len(store), len(store.lengths), errors) == (0, 0, {})


def test_several_processes_give_the_same_store(
    clips: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = decode(clips, tmp_path).store
    monkeypatch.setattr(cache, "FEW_CLIPS", 1)
    clips.items[1].path.touch()
    seen: list[tuple[int, int]] = []
    shared = decode_manifest(
        clips,
        rate_hz=8000,
        folder=tmp_path / "other",
        workers=2,
        on_progress=lambda done, total: seen.append((done, total)),
    ).store
    np.testing.assert_array_equal(shared.pcm, alone.pcm)
    np.testing.assert_array_equal(shared.lengths, alone.lengths)
    assert seen[-1][1] == 3


def test_an_interrupted_decoding_leaves_nothing_behind(
    clips: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*args: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        decode(clips, tmp_path, on_progress=interrupt)
    assert list((tmp_path / "cache").iterdir()) == []


def test_gather_fits_clips_by_the_same_rule_as_prediction(clips: Manifest, tmp_path: Path) -> None:
    store = decode(clips, tmp_path).store
    for pad in audio.PADS:
        for crop in audio.CROPS:
            batch = store.gather(
                np.arange(3), 1000, pad=pad, crop=crop, positions=np.array([0.1, 0.5, 0.9])
            )
            for row, position in enumerate([0.1, 0.5, 0.9]):
                clip = audio.from_pcm16(store.clip(row))
                wanted = audio.fit_length(clip, 1000, pad=pad, crop=crop, position=position)
                np.testing.assert_array_equal(audio.from_pcm16(batch[row]), wanted)


def test_a_job_file_is_decoded_by_the_program_a_worker_runs(
    clips: Manifest, tmp_path: Path
) -> None:
    sources = [decoding.Source.of(item) for item in clips]
    shard = decoding.decode(sources, rate_hz=8000, out=tmp_path / "x.pcm", on_clip=lambda n: None)
    assert shard.lengths == [800, 1600, 400]
    assert (tmp_path / "x.pcm").stat().st_size == 2 * sum(shard.lengths)
