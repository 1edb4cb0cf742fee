"""Shortcuts: a corpus whose labels can be told without the speech is found out, and a sound one is not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from sonant.errors import ManifestError
from sonant.manifest import Item, Manifest
from sonant.spoofing import auditing
from sonant.spoofing.auditing import Audit, audit, folds_of

RATE_HZ = 16_000


def corpus(folder: Path, *, spoof_gain: float = 1.0, spoof_pause: float = 0.0) -> Manifest:
    """Noise of 12 speakers, six clips each; forgeries differ by the arguments alone."""
    folder.mkdir(parents=True, exist_ok=True)
    draw, items = np.random.default_rng(0), []
    for number in range(72):
        forged = number % 2 == 1
        gain = draw.uniform(0.05, 0.15) * (spoof_gain if forged else 1.0)
        pause_s = draw.uniform(0.05, 0.15) + (spoof_pause if forged else 0.0)
        sound = gain * draw.standard_normal(round(RATE_HZ * draw.uniform(0.3, 0.5)))
        pause = 1e-4 * draw.standard_normal(round(RATE_HZ * pause_s))
        path = folder / f"{number}.wav"
        soundfile.write(path, np.concatenate([pause, sound, pause]), RATE_HZ)
        label = ("bonafide", "spoof")[forged]
        items.append(Item(path=path, label=label, speaker=f"s{number // 6}"))
    return Manifest(items=tuple(items), name="noise")


def eers(found: Audit) -> dict[str, float]:
    return {shortcut.group: shortcut.eer.value for shortcut in found.shortcuts}


@pytest.fixture(autouse=True)
def few_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auditing, "TREES", 40)


def test_labels_that_mean_nothing_are_not_told(tmp_path: Path) -> None:
    found = audit(corpus(tmp_path), rounds=50)
    assert found.clean
    assert all(eer > 0.2 for eer in eers(found).values())
    assert (found.bonafide, found.spoofs, found.speakers) == (36, 36, 12)


def test_louder_forgeries_are_told_by_their_gain(tmp_path: Path) -> None:
    found = audit(corpus(tmp_path, spoof_gain=4.0), rounds=50)
    assert not found.clean
    assert eers(found)["gain"] < 0.05
    assert eers(found)["silence"] > 0.2


def test_forgeries_with_longer_pauses_are_told_by_their_silence(tmp_path: Path) -> None:
    found = audit(corpus(tmp_path, spoof_pause=0.3), rounds=50)
    shortcuts = {shortcut.group: shortcut for shortcut in found.shortcuts}
    assert shortcuts["silence"].eer.value < 0.05
    assert not shortcuts["silence"].near_chance
    assert shortcuts["gain"].near_chance


def test_the_same_corpus_gives_the_same_rates(tmp_path: Path) -> None:
    manifest = corpus(tmp_path)
    assert audit(manifest, rounds=20) == audit(manifest, rounds=20)


def test_a_speaker_s_clips_are_in_one_fold_whatever_their_order() -> None:
    names = [f"s{number % 9}" for number in range(40)]
    folds = folds_of(names, seed=1)
    assert len(set(zip(names, folds.tolist(), strict=True))) == 9
    assert set(folds.tolist()) == set(range(5))
    assert folds_of(names[::-1], seed=1).tolist() == folds.tolist()[::-1]
    assert folds_of(names, seed=2).tolist() != folds.tolist()


def test_clips_that_cannot_be_measured_are_left_out_by_name(tmp_path: Path) -> None:
    manifest = corpus(tmp_path)
    gone = Item(path=tmp_path / "gone.wav", label="spoof", speaker="s1")
    found = audit(manifest.with_items([*manifest, gone]), rounds=20)
    assert len(found.left_out) == 1
    assert "gone.wav" in found.left_out[0]


def test_one_kind_or_one_speaker_alone_is_refused(tmp_path: Path) -> None:
    manifest = corpus(tmp_path)
    with pytest.raises(ManifestError, match="36 are bonafide"):
        audit(manifest.where(labels=("bonafide",)))
    with pytest.raises(ManifestError, match="of 1 speakers"):
        audit(manifest.with_items(manifest.items[:6]))
