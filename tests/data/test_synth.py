from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sonant import audio
from sonant.data import espeak, synth
from sonant.data.synth import SynthConfig, engine_named, make
from sonant.errors import AudioError, ManifestError, MissingExtra
from sonant.manifest import Manifest

SMALL = SynthConfig(words=("yes", "go"), speakers=4, takes=2)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small corpus by the synthesiser that is always there."""
    out = tmp_path_factory.mktemp("synth") / "corpus"
    make(out, SMALL, engine="formant")
    return out


def card(folder: Path) -> dict[str, object]:
    content: dict[str, object] = json.loads((folder / "corpus.json").read_text())
    return content


def sounds(folder: Path) -> dict[str, str]:
    """Name -> digest of all audio under a folder."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*.wav")
    }


def speakers(manifest: Manifest, split: str) -> set[str]:
    return {item.speaker for item in manifest.where(split=split)}


def without_espeak(monkeypatch: pytest.MonkeyPatch) -> None:
    def find() -> espeak.Library:
        raise MissingExtra("espeakng-loader", extra="synth", purpose="speaking")

    monkeypatch.setattr(espeak, "find", find)


def test_every_word_is_said_by_every_speaker_in_every_take(corpus: Path) -> None:
    manifest = Manifest.load(corpus)
    assert manifest.labels == ("go", "yes")
    assert len(manifest) == 2 * 4 * 2
    assert manifest.counts() == {
        word: {"train": 4, "validation": 2, "test": 2} for word in ("go", "yes")
    }
    assert all(item.path.is_file() for item in manifest)


def test_what_make_returns_is_what_the_folder_loads_to(tmp_path: Path) -> None:
    config = SynthConfig(words=("no",), speakers=3, takes=1)
    assert make(tmp_path / "new", config, engine="formant") == Manifest.load(tmp_path / "new")


def test_no_speaker_is_in_two_splits() -> None:
    config = SynthConfig(speakers=50)
    splits = synth._splits(config)
    assert [splits.count(name) for name in ("train", "validation", "test")] == [40, 5, 5]
    assert splits != synth._splits(SynthConfig(speakers=50, seed=1))


def test_files_agree_with_the_manifest_on_who_is_in_which_split(corpus: Path) -> None:
    manifest = Manifest.load(corpus)
    train, validation, test = (speakers(manifest, s) for s in ("train", "validation", "test"))
    assert len(train | validation | test) == len(train) + len(validation) + len(test) == 4
    assert all(item.path.name.startswith(f"{item.speaker}_nohash_") for item in manifest)


def test_clips_are_16_bit_of_one_length_audible_and_not_clipped(corpus: Path) -> None:
    for item in Manifest.load(corpus):
        about = soundfile.info(str(item.path))
        assert (about.samplerate, about.frames, about.subtype) == (16000, 16000, "PCM_16")
        peak = np.abs(audio.read(item.path).samples).max()
        assert 0.03 < peak < 0.99


def test_background_noises_are_long_and_of_other_kinds(corpus: Path) -> None:
    noises = {path.stem: audio.read(path) for path in (corpus / "_background_noise_").iterdir()}
    assert sorted(noises) == ["babble", "brown_noise", "mains_hum", "pink_noise", "white_noise"]
    assert all(noise.duration_s == 12.0 for noise in noises.values())
    low = {name: share_below(1000.0, noise) for name, noise in noises.items()}
    assert low["white_noise"] < 0.2 < low["pink_noise"] < low["brown_noise"]


def share_below(frequency_hz: float, clip: audio.Clip) -> float:
    power = np.abs(np.fft.rfft(clip.samples)) ** 2
    frequencies = np.fft.rfftfreq(len(clip.samples), 1 / clip.rate_hz)
    return float(power[frequencies < frequency_hz].sum() / power.sum())


def test_the_card_says_how_it_was_made(corpus: Path) -> None:
    made = card(corpus)
    assert made["engine"] == "formant"
    assert made["config"] == SMALL.plain()
    assert made["clips"] == 16
    assert made["licence"]
    assert made["note"] == ""
    assert isinstance(made["versions"], dict)
    assert set(made["versions"]) == {"sonant", "formant"}


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(
    corpus: Path, tmp_path: Path
) -> None:
    make(tmp_path / "again", SMALL, engine="formant")
    assert sounds(tmp_path / "again") == sounds(corpus)
    other = SynthConfig(words=SMALL.words, speakers=4, takes=2, seed=1)
    make(tmp_path / "other", other, engine="formant")
    differ = sounds(tmp_path / "other")
    assert differ.keys() == sounds(corpus).keys()
    assert not set(differ.values()) & set(sounds(corpus).values())


def test_takes_of_one_word_differ(corpus: Path) -> None:
    clips = {name: digest for name, digest in sounds(corpus).items() if "nohash" in name}
    assert len(set(clips.values())) == len(clips)


def test_another_word_changes_nothing_of_the_others(corpus: Path, tmp_path: Path) -> None:
    config = SynthConfig(words=("go", "stop"), speakers=4, takes=2)
    make(tmp_path / "more", config, engine="formant")
    old, new = sounds(corpus), sounds(tmp_path / "more")
    shared = [name for name in new if name.startswith("go/")]
    assert len(shared) == 8
    assert all(old[name] == new[name] for name in shared)


def test_a_finished_corpus_is_returned_untouched(
    corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(synth, "_fill", lambda *args, **named: pytest.fail("made again"))
    assert make(corpus, SMALL, engine="formant") == Manifest.load(corpus)
    assert make(corpus, SMALL, engine="auto") == Manifest.load(corpus)


def test_a_corpus_made_otherwise_is_refused_and_kept(corpus: Path) -> None:
    with pytest.raises(ManifestError, match=r"takes is 2, not 3.*remove it or choose another"):
        make(corpus, SynthConfig(words=SMALL.words, speakers=4, takes=3), engine="formant")
    with pytest.raises(ManifestError, match="engine is formant, not espeak"):
        make(corpus, SMALL, engine="espeak")
    assert len(Manifest.load(corpus)) == 16


def test_a_corpus_that_lost_a_clip_is_refused(tmp_path: Path) -> None:
    config = SynthConfig(words=("no",), speakers=3, takes=1)
    last = make(tmp_path / "new", config, engine="formant").items[-1].path
    last.unlink()
    with pytest.raises(ManifestError, match=r"s0002_nohash_0\.wav: is gone; remove"):
        make(tmp_path / "new", config, engine="formant")


@pytest.mark.parametrize(
    "content", ["", "[]", '{"format": 1}', '{"format":1,"engine":"x","config":3}']
)
def test_a_folder_with_anything_else_is_never_touched(tmp_path: Path, content: str) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    if content:
        (tmp_path / "corpus.json").write_text(content)
    with pytest.raises(ManifestError, match="no corpus that sonant made"):
        make(tmp_path, SMALL, engine="formant")
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    config = SynthConfig(words=("no",), speakers=3, takes=1)
    assert len(make(tmp_path / "empty", config, engine="formant")) == 3


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError("disk full")])
def test_an_interrupted_make_leaves_nothing_behind(
    tmp_path: Path, error: type[BaseException] | BaseException
) -> None:
    def interrupt(done: int, total: int) -> None:
        if done == 3:
            raise error

    with pytest.raises((KeyboardInterrupt, ManifestError)):
        make(tmp_path / "new", SMALL, engine="formant", on_progress=interrupt)
    assert list(tmp_path.iterdir()) == []


def test_progress_counts_every_clip(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    config = SynthConfig(words=("no",), speakers=3, takes=1)
    make(
        tmp_path / "new",
        config,
        engine="formant",
        on_progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_words_too_long_for_the_clip_are_said_faster_and_not_cut(tmp_path: Path) -> None:
    config = SynthConfig(
        words=("visual",),
        speakers=3,
        takes=1,
        duration_s=0.4,
        shift_s=0.0,
        snr_db=(90.0, 90.0),
        echo_share=0.0,
    )
    for item in make(tmp_path / "short", config, engine="formant"):
        samples = np.abs(audio.read(item.path).samples)
        loud = np.flatnonzero(samples > 0.01 * samples.max())
        # Cut off, the word would be loud at an edge of the clip.
        assert loud[0] > 0.01 * config.length
        assert loud[-1] < 0.99 * config.length


def test_a_clip_too_short_for_any_word_is_refused(tmp_path: Path) -> None:
    config = SynthConfig(words=("visual",), speakers=3, takes=1, duration_s=0.1, rate_hz=8000)

    class Slow:
        """Says nothing in less than a second."""

        name, timbres, licence = "slow", 1, ""
        versions: dict[str, str] = {}  # noqa: RUF012

        def check(self, words: Sequence[str]) -> None: ...

        def speak(self, utterances: Sequence[object]):  # type: ignore[no-untyped-def]
            for _ in utterances:
                yield audio.Clip(np.ones(16000, np.float32), 16000)

    with pytest.raises(ManifestError, match=r"'visual' does not fit into 0\.1 s"):
        list(synth._spoken(synth._lines(config, Slow()), config, Slow()))


def test_auto_falls_back_to_the_formant_synthesiser_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_espeak(monkeypatch)
    notes: list[str] = []
    config = SynthConfig(words=("no",), speakers=3, takes=1)
    make(tmp_path / "new", config, on_note=notes.append)
    assert len(notes) == 1
    assert "sonant[synth]" in notes[0]
    assert "formant synthesiser" in notes[0]
    assert card(tmp_path / "new")["engine"] == "formant"
    assert card(tmp_path / "new")["note"] == notes[0]


def test_a_library_that_does_not_load_is_as_good_as_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "libespeak-ng.so"
    broken.write_bytes(b"no library")
    library = espeak.Library(path=broken, data=tmp_path / "data", version="0")
    monkeypatch.setattr(espeak, "find", lambda: library)
    notes: list[str] = []
    config = SynthConfig(words=("no",), speakers=3, takes=1)
    make(tmp_path / "new", config, on_note=notes.append)
    assert "espeak-ng failed when starting" in notes[0]
    with pytest.raises(AudioError, match="failed when starting"):
        make(tmp_path / "strict", config, engine="espeak")


def test_espeak_asked_for_and_missing_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_espeak(monkeypatch)
    with pytest.raises(MissingExtra, match=r"sonant\[synth\]"):
        make(tmp_path / "new", SMALL, engine="espeak")
    assert list(tmp_path.iterdir()) == []


def test_other_rates_and_lengths_are_made(tmp_path: Path) -> None:
    config = SynthConfig(words=("no",), speakers=3, takes=1, rate_hz=8000, duration_s=1.5)
    item = make(tmp_path / "new", config, engine="formant").items[0]
    clip = audio.read(item.path)
    assert (clip.rate_hz, len(clip.samples)) == (8000, 12000)


def test_engines_are_named_as_typed() -> None:
    assert engine_named("formant") == "formant"
    with pytest.raises(ManifestError, match=r"'festival' is unknown; want auto, espeak, formant"):
        engine_named("festival")
