"""Trials of a split: its speakers alone, whole clips where there are enough, else the ends of single ones."""

from __future__ import annotations

import pytest

from sonant.errors import ManifestError
from sonant.manifest import Manifest
from sonant.speakers import pairing
from tone_speakers import tone_speakers


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return tone_speakers(tmp_path_factory.mktemp("tones"), seconds=3.0)


def test_a_split_under_any_of_its_names_and_nobody_else(manifest: Manifest) -> None:
    found = pairing.draw(manifest, split="dev")
    held = {item.speaker for item in manifest.where(split="validation")}
    assert set(found.trials.speakers) == held
    assert found.remark == ""
    assert found.trials.sessions().same == 0
    assert found.trials == pairing.draw(manifest, split="validation").trials
    assert len(pairing.draw(manifest, split="all").trials.speakers) == 20


def test_names_are_those_of_the_whole_data_so_that_one_list_serves_all(manifest: Manifest) -> None:
    found = pairing.draw(manifest, split="test")
    assert found.trials.items(manifest) == found.items


def test_single_clips_are_compared_by_their_ends(manifest: Manifest) -> None:
    single = manifest.with_items(item for item in manifest if item.path.stem == "0")
    found = pairing.draw(single, split="test")
    sessions = found.trials.sessions()
    assert (sessions.same, sessions.different, sessions.unknown) == (4, 0, 0)
    assert found.remark in found.trials.origin
    assert "4 of 4 speakers have one recording only" in found.remark


def test_what_is_not_there_is_refused(manifest: Manifest) -> None:
    with pytest.raises(ManifestError, match="has no split 'held-out'"):
        pairing.draw(manifest, split="held-out")
    lonely = manifest.with_items(item for item in manifest if item.speaker == "s00")
    with pytest.raises(ManifestError, match=r"--split train: .* a second speaker"):
        pairing.draw(lonely, split="train")
