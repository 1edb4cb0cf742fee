"""Known corpora are read as their authors laid them out."""

from __future__ import annotations

import math
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
import soundfile

from sonant.data import corpora, splits
from sonant.data.corpora import CORPORA, WANTED
from sonant.errors import ManifestError

V2 = "speech_commands_v0.02"


def put(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")
    return folder


def speech_commands(folder: Path, *, words: tuple[str, ...] = (*WANTED, "bed", "cat")) -> Path:
    """Every word by the same forty speakers, and one noise."""
    names = [f"{word}/{n * 7919:08x}_nohash_0.wav" for word in words for n in range(40)]
    put(folder, *names, "LICENSE", "README.md")
    (folder / "_background_noise_").mkdir()
    hum = np.random.default_rng(0).normal(0, 0.1, 30 * 8000)
    soundfile.write(folder / "_background_noise_" / "hum.wav", hum, 8000)
    return folder


def with_lists(folder: Path) -> Path:
    """Lists unlike the hash rule: speakers 0 and 1 for validation, 2 for test."""
    for name, chosen in (("validation_list.txt", (0, 1)), ("testing_list.txt", (2,))):
        lines = [f"{w}/{n * 7919:08x}_nohash_0.wav\n" for w in (*WANTED, "bed") for n in chosen]
        (folder / name).write_text("".join(lines))
    return folder


def test_the_table_is_sound() -> None:
    assert {"mini_speech_commands", "speech_commands_v0.01", V2, "vctk_0.92"} <= set(CORPORA)
    for name, corpus in CORPORA.items():
        assert corpus.name == name
        assert urlsplit(corpus.url).scheme == "https"
        assert len(bytes.fromhex(corpus.sha256 or "")) == 32
        assert corpus.bytes > 100_000_000
        assert corpus.licence
        assert corpus.citation
        assert corpus.layout in corpora.READERS


def test_every_word_is_a_label_and_the_hash_rule_splits(tmp_path: Path) -> None:
    manifest = corpora.read(V2, speech_commands(tmp_path))
    assert manifest.name == V2
    assert manifest.labels == tuple(sorted((*WANTED, "bed", "cat")))
    assert manifest.origin.startswith("official hash rule, 80/10/10")
    assert manifest == splits.assign(manifest, how="official")
    assert splits.speaker_leaks(manifest) == {}


def test_the_official_lists_come_before_the_hash_rule(tmp_path: Path) -> None:
    manifest = corpora.read(V2, with_lists(speech_commands(tmp_path)))
    assert manifest.origin == "official lists"
    assert manifest.counts()["go"] == {"train": 37, "validation": 2, "test": 1}
    assert manifest.counts()["cat"] == {"train": 40, "validation": 0, "test": 0}


def test_lists_find_clips_that_were_converted_and_say_what_is_missing(tmp_path: Path) -> None:
    put(tmp_path, "bed/a_nohash_0.flac", "cat/b_nohash_0.flac")
    (tmp_path / "validation_list.txt").write_text("bed/a_nohash_0.wav\nbed/gone_nohash_0.wav\n")
    (tmp_path / "testing_list.txt").write_text("")
    manifest = corpora.read(V2, tmp_path)
    assert [item.split for item in manifest] == ["validation", "train"]
    assert manifest.origin == "official lists; 1 listed clips are not there"


def test_lists_of_something_else_are_refused(tmp_path: Path) -> None:
    put(tmp_path, "bed/a_nohash_0.wav", "cat/b_nohash_0.wav", "validation_list.txt")
    with pytest.raises(
        ManifestError, match=r"wants both validation_list.txt and testing_list\.txt"
    ):
        corpora.read(V2, tmp_path)
    (tmp_path / "testing_list.txt").write_text("dog/x_nohash_0.wav\n")
    with pytest.raises(ManifestError, match="none of the clips in its official lists"):
        corpora.read(V2, tmp_path)


@pytest.mark.parametrize("lists", [False, True], ids=["hash rule", "lists"])
def test_twelve_labels_in_both_split_modes(tmp_path: Path, lists: bool) -> None:
    root = speech_commands(tmp_path)
    manifest = corpora.read(V2, with_lists(root) if lists else root, task="12", unknown_percent=20)
    assert manifest.labels == tuple(sorted((*WANTED, "_silence_", "_unknown_")))
    for split in manifest.splits:
        wanted = len(manifest.where(split=split, labels=WANTED))
        assert len(manifest.where(split=split, labels=("_silence_",))) == math.ceil(wanted / 10)
        # Only `bed` and `cat` are left over: one fifth of the ten wanted words at most.
        assert len(manifest.where(split=split, labels=("_unknown_",))) <= math.ceil(wanted / 5)
    assert len(manifest.where(split="test", labels=("_unknown_",))) > 0


def test_the_wanted_words_and_the_noise_can_be_chosen(tmp_path: Path) -> None:
    root = speech_commands(tmp_path / "data")
    (root / "_background_noise_").rename(tmp_path / "noises")
    manifest = corpora.read(
        V2, root, task="12", wanted=("bed",), noise=tmp_path / "noises", zero_share=0.0
    )
    assert manifest.labels == ("_silence_", "_unknown_", "bed")
    assert all(item.gain > 0 for item in manifest)


def test_ready_silence_is_no_word(tmp_path: Path) -> None:
    put(tmp_path, "bed/a_nohash_0.wav", "cat/b_nohash_0.wav", "_silence_/1.wav", "_unknown_/2.wav")
    assert corpora.read(V2, tmp_path).labels == ("bed", "cat")


def test_the_official_test_set_is_kept_whole(tmp_path: Path) -> None:
    folders = (*WANTED, "_silence_", "_unknown_")
    put(tmp_path, *(f"{name}/{n:08x}_nohash_0.wav" for name in folders for n in range(40)))
    manifest = corpora.read("speech_commands_test_set_v0.02", tmp_path, task="12")
    assert manifest.labels == tuple(sorted(folders))
    assert manifest.splits == ("test",)
    assert len(manifest) == 480


def test_the_small_corpus_unpacks_to_a_folder_in_a_folder(tmp_path: Path) -> None:
    root = tmp_path / "mini_speech_commands"
    put(root / "mini_speech_commands", "yes/a_nohash_0.wav", "no/b_nohash_0.wav", "README.md")
    put(root, "__MACOSX/mini_speech_commands/._README.md")
    assert corpora.read("mini_speech_commands", root).labels == ("no", "yes")


def test_librispeech_has_speakers_and_its_subsets_are_the_splits(tmp_path: Path) -> None:
    names = ("dev-clean/84/121123/84-121123-0001.flac", "train-clean-100/19/198/19-198-0000.flac")
    put(tmp_path / "LibriSpeech", *names, "dev-clean/84/121123/84-121123.trans.txt", "BOOKS.TXT")
    manifest = corpora.read("librispeech_dev_clean", tmp_path)
    assert [(item.speaker, item.split, item.label) for item in manifest] == [
        ("84", "validation", ""),
        ("19", "train", ""),
    ]


def test_vctk_takes_one_microphone(tmp_path: Path) -> None:
    silence_trimmed = tmp_path / "wav48_silence_trimmed"
    put(silence_trimmed, "p225/p225_001_mic1.flac", "p225/p225_001_mic2.flac", "log.txt")
    put(tmp_path, "wav48/s5/s5_001.wav", "txt/p225/p225_001.txt", "extra/p225.wav")
    manifest = corpora.read("vctk_0.92", tmp_path)
    assert [(item.path.name, item.speaker) for item in manifest] == [
        ("s5_001.wav", "s5"),
        ("p225_001_mic1.flac", "p225"),
    ]
    assert manifest.splits == ()


@pytest.mark.parametrize("name", ["librispeech_dev_clean", "vctk_0.92"])
def test_another_tree_is_refused(tmp_path: Path, name: str) -> None:
    put(tmp_path, "yes/a.wav")
    with pytest.raises(ManifestError, match="looked for"):
        corpora.read(name, tmp_path)


def test_what_is_not_known_or_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"no known corpus; known are mini_speech_commands"):
        corpora.read("speech_commands", tmp_path)
    with pytest.raises(ManifestError, match="sonant data fetch mini_speech_commands"):
        corpora.read("mini_speech_commands", tmp_path / "nothing")


def test_the_real_speech_commands(shared_data: Path) -> None:
    root, noise = shared_data / "speech_commands", shared_data / "noise_misc"
    whole = corpora.read(V2, root)
    assert len(whole.labels) == 35
    assert splits.speaker_leaks(whole) == {}
    twelve = corpora.read(V2, root, task="12", noise=noise)
    counts = twelve.counts()
    assert len(counts) == 12
    for split in ("train", "validation", "test"):
        wanted = sum(counts[word][split] for word in WANTED)
        tenth = math.ceil(wanted / 10)
        assert counts["_silence_"][split] == counts["_unknown_"][split] == tenth
    zeros = [item for item in twelve if item.gain == 0.0]
    assert {item.split for item in zeros} == {"train", "validation"}


def test_the_real_trees_of_speakers(shared_data: Path) -> None:
    librispeech = corpora.read("librispeech_test_clean", shared_data / "librispeech_mini")
    assert len(librispeech) == 381
    assert len({item.speaker for item in librispeech}) == 246
    assert splits.speaker_leaks(librispeech) == {}
    vctk = corpora.read("vctk_0.92", shared_data / "vctk_mini")
    assert {item.speaker for item in vctk} == {"p225", "p226", "p227"}
