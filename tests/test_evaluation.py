"""A bundle is scored on the clips of a split; what does not fit is refused with a way out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bundles import write_tone
from sonant.card import Card
from sonant.errors import ManifestError
from sonant.evaluation import evaluate
from sonant.manifest import Item, Manifest


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    """Five clips in `test`, of which one is labelled wrongly, and one in `train`."""
    heard = {name: write_tone(tmp_path / f"{name}.wav", name) for name in ("high", "low", "mid")}
    rows = [("high", "high"), ("high", "high"), ("low", "low"), ("mid", "mid"), ("mid", "low")]
    items = [
        Item(path=heard[sound], label=label, split="test", speaker=f"s{number % 2}")
        for number, (sound, label) in enumerate(rows)
    ]
    train = Item(path=heard["low"], label="low", split="train")
    return Manifest(items=(*items, train), name="tones")


def with_labels(manifest: Manifest, *labels: str) -> Manifest:
    """The first clips of `test` under other labels."""
    items = [
        replace(item, label=label) for item, label in zip(manifest.items, labels, strict=False)
    ]
    return replace(manifest, items=(*items, *manifest.items[len(items) :]))


def test_the_figures_are_those_of_the_split(tiny_bundle: Path, manifest: Manifest) -> None:
    card = Card.read(tiny_bundle)
    report = evaluate(tiny_bundle, manifest, workers=2, batch=2)
    assert (report.clips, report.accuracy) == (5, pytest.approx(0.8))
    assert report.labels == ("high", "low", "mid")
    assert report.confusion == ((2, 0, 0), (0, 1, 1), (0, 0, 1))
    assert (report.bundle, report.data, report.split) == ("tones/1", "tones", "test")
    assert report.parameters == card.model.parameters
    assert report.macs_per_second == card.model.macs_per_second
    assert report.bundle_bytes == card.bytes
    assert report.ms_per_clip > 0
    assert report.unreadable == ()


def test_every_row_keeps_what_is_known_of_its_clip(tiny_bundle: Path, manifest: Manifest) -> None:
    part = replace(manifest.items[0], start_s=0.25, end_s=0.75, gain=0.5)
    report = evaluate(tiny_bundle, replace(manifest, items=(part,)))
    (row,) = report.scored
    assert (row.path, row.label, row.predicted) == (str(part.path), "high", "high")
    assert (row.speaker, row.start_s, row.end_s, row.gain) == ("s0", 0.25, 0.75, 0.5)
    assert (
        row.probability
        == row.probabilities.max()
        == pytest.approx(np.exp(4) / (np.exp(4) + 2), abs=1e-3)
    )


@pytest.mark.parametrize(("split", "clips"), [("all", 6), ("train", 1), ("testing", 5)])
def test_a_split_is_known_by_its_common_names(
    tiny_bundle: Path, manifest: Manifest, split: str, clips: int
) -> None:
    assert evaluate(tiny_bundle, manifest, split=split).clips == clips


def test_a_split_that_is_not_there_lists_those_that_are(
    tiny_bundle: Path, manifest: Manifest
) -> None:
    reason = "no clips in the split 'validation'; there: train, test; or take them all"
    with pytest.raises(ManifestError, match=reason):
        evaluate(tiny_bundle, manifest, split="validation")


def test_data_without_splits_says_to_take_it_all(tiny_bundle: Path, manifest: Manifest) -> None:
    bare = manifest.with_items(replace(item, split="") for item in manifest)
    with pytest.raises(ManifestError, match="it has no splits: take all clips with --split all"):
        evaluate(tiny_bundle, bare)
    assert evaluate(tiny_bundle, bare, split="all").clips == 6


def test_data_without_clips_is_refused(tiny_bundle: Path) -> None:
    with pytest.raises(ManifestError, match="it has no clips at all"):
        evaluate(tiny_bundle, Manifest(items=(), name="none"), split="all")


def test_unknown_labels_are_counted_and_both_mends_named(
    tiny_bundle: Path, manifest: Manifest
) -> None:
    strange = with_labels(manifest, "tree", "bird", "tree")
    with pytest.raises(ManifestError) as refused:
        evaluate(tiny_bundle, strange)
    message = str(refused.value)
    assert "3 clips have 2 labels that the bundle does not know: bird (1), tree (2)." in message
    assert "--unknown-as LABEL" in message
    assert "--labels low,mid" in message


def test_unknown_labels_elsewhere_do_no_harm(tiny_bundle: Path, manifest: Manifest) -> None:
    train = replace(manifest.items[-1], label="tree")
    strange = replace(manifest, items=(*manifest.items[:-1], train))
    assert evaluate(tiny_bundle, strange).clips == 5


def test_unknown_labels_can_count_as_one_that_is_known(
    tiny_bundle: Path, manifest: Manifest
) -> None:
    report = evaluate(tiny_bundle, with_labels(manifest, "tree", "bird"), unknown_as="mid")
    assert report.confusion == ((0, 0, 0), (0, 1, 1), (2, 0, 1))


def test_the_label_they_count_as_must_be_known(tiny_bundle: Path, manifest: Manifest) -> None:
    reason = "--unknown-as tree: is no label of the bundle; its labels are high, low, mid"
    with pytest.raises(ManifestError, match=reason):
        evaluate(tiny_bundle, manifest, unknown_as="tree")


def test_clips_without_labels_are_refused_even_with_a_stand_in(
    tiny_bundle: Path, manifest: Manifest
) -> None:
    with pytest.raises(ManifestError, match=r"tones: 2 of 5 clips have no label, as .*high\.wav"):
        evaluate(tiny_bundle, with_labels(manifest, "", ""), unknown_as="low")


def test_an_unreadable_clip_is_listed_and_not_counted(
    tiny_bundle: Path, manifest: Manifest, tmp_path: Path
) -> None:
    gone = Item(path=tmp_path / "gone.wav", label="low", split="test")
    report = evaluate(tiny_bundle, replace(manifest, items=(gone, *manifest.items)))
    assert report.clips == 5
    assert [str(gone.path) in message for message in report.unreadable] == [True]
    assert [bool(row.error) for row in report.scored] == [True] + [False] * 5


def test_progress_counts_to_the_end(tiny_bundle: Path, manifest: Manifest) -> None:
    seen: list[tuple[int, int]] = []
    evaluate(tiny_bundle, manifest, batch=2, on_progress=lambda *step: seen.append(step))
    assert seen == [(2, 5), (4, 5), (5, 5)]


@pytest.mark.shared
def test_real_recordings_are_read_and_scored(tiny_bundle: Path, shared_data: Path) -> None:
    items = Manifest.load(shared_data / "speech_commands" / "manifest.csv").items[:200:4]
    report = evaluate(
        tiny_bundle, Manifest(items=items, name="speech"), split="all", unknown_as="mid"
    )
    assert (report.clips, report.unreadable) == (50, ())
    assert sum(map(sum, report.confusion)) == 50
