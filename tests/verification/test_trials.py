"""Lists of trials: reproducible, balanced, speaker-disjoint, and kept with their checksum."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sonant.errors import ManifestError
from sonant.manifest import Item, Manifest
from sonant.verification.trials import Trial, TrialList

ROOT = Path("/data/voices")


def voices(counts: list[int], *, split: str = "test") -> Manifest:
    """Speakers a, b, ... with so many clips each."""
    items = [
        Item(path=ROOT / name / f"{number}.wav", speaker=name, split=split)
        for name, count in zip("abcdefgh", counts, strict=False)
        for number in range(count)
    ]
    return Manifest(items=tuple(items), name="voices")


def chapters() -> Manifest:
    """LibriSpeech names: two speakers, two chapters each, two clips in each."""
    items = [
        Item(path=ROOT / s / c / f"{s}-{c}-{n:04d}.flac", speaker=s)
        for s, c in (("19", "198"), ("19", "227"), ("26", "495"), ("26", "496"))
        for n in range(2)
    ]
    return Manifest(items=tuple(items), name="books")


def pair(left: str, right: str, *, same: bool, **more: object) -> Trial:
    return Trial(left=left, right=right, same=same, **more)  # type: ignore[arg-type]


def test_both_kinds_are_as_many_and_every_speaker_counts_alike() -> None:
    found = TrialList.make(voices([5, 5, 9, 5]), per_speaker=6)
    own = [trial.left_speaker for trial in found if trial.same]
    assert {name: own.count(name) for name in "abcd"} == dict.fromkeys("abcd", 6)
    assert [t.left_speaker for t in found if not t.same].count("c") == 6
    assert found.same.sum() == (~found.same).sum() == 24


@settings(max_examples=40)
@given(st.lists(st.integers(1, 12), min_size=2, max_size=8), st.integers(1, 9), st.integers(0, 99))
def test_no_trial_is_there_twice_compares_a_clip_with_itself_or_lies_about_who_speaks(
    counts: list[int], per_speaker: int, seed: int
) -> None:
    counts[0] = max(2, counts[0])
    manifest = voices(counts)
    found = TrialList.make(manifest, per_speaker=per_speaker, seed=seed)
    assert len({frozenset((t.left, t.right)) for t in found}) == len(found)
    for trial in found:
        assert trial.left != trial.right
        assert trial.same == (trial.left[0] == trial.right[0])
        assert (trial.left_speaker, trial.right_speaker) == (trial.left[0], trial.right[0])
    pairs = sum(min(per_speaker, count * (count - 1) // 2) for count in counts)
    assert found.same.sum() == pairs


def test_the_same_seed_gives_the_same_list_in_whatever_order_the_clips_come() -> None:
    manifest = voices([6, 7, 8, 3])
    turned = manifest.with_items(reversed(manifest.items))
    assert TrialList.make(manifest, per_speaker=5) == TrialList.make(turned, per_speaker=5)
    assert TrialList.make(manifest, per_speaker=5) != TrialList.make(
        manifest, per_speaker=5, seed=1
    )


def test_the_digest_is_this_on_every_machine() -> None:
    found = TrialList.make(voices([40, 60, 3]), per_speaker=4)
    moved = [
        replace(i, path=Path("/elsewhere") / i.path.relative_to(ROOT)) for i in voices([40, 60, 3])
    ]
    assert TrialList.make(Manifest(items=tuple(moved)), per_speaker=4).digest == found.digest
    assert found.digest == "1bd3a164baf4bce9bbc40159145f5d261084892e9af9d5a576dbb7f50b9e5334"


def test_one_more_clip_of_one_speaker_leaves_the_own_pairs_of_others() -> None:
    small, large = (TrialList.make(voices(counts), per_speaker=4) for counts in ([6, 6], [6, 7]))
    own = [[t for t in found if t.same and t.left_speaker == "a"] for found in (small, large)]
    assert own[0] == own[1]


def test_many_different_pairs_can_be_asked_for() -> None:
    found = TrialList.make(voices([4, 4, 4, 4, 4]), per_speaker=3, different_per_same=4)
    assert (~found.same).sum() == 4 * found.same.sum()


def test_only_the_split_is_compared_and_its_speakers_stand_nowhere_else() -> None:
    train, test = voices([3, 3], split="train"), voices([0, 0, 3, 3])
    both = train.with_items([*train, *test])
    assert TrialList.make(both, split="test").speakers == ("c", "d")
    leaking = train.with_items([*train, *voices([0, 2, 3])])
    with pytest.raises(ManifestError, match=r"1 of 2 speakers .*'b' in 'train'; split by whole"):
        TrialList.make(leaking, split="test")


@pytest.mark.parametrize(
    ("counts", "message"),
    [([1, 1, 1], "not two clips of one speaker"), ([4], "not a second speaker")],
)
def test_what_no_trials_can_be_made_of_is_said(counts: list[int], message: str) -> None:
    with pytest.raises(ManifestError, match=f"voices: no trials can be made.*{message}"):
        TrialList.make(voices(counts))


def test_clips_of_nobody_are_left_out() -> None:
    manifest = voices([2, 2])
    noise = Item(path=ROOT / "_silence_" / "0.wav")
    found = TrialList.make(manifest.with_items([noise, *manifest]))
    assert not any("_silence_" in name for name in found.clips)


def test_sessions_are_counted_where_they_are_known() -> None:
    found = TrialList.make(chapters(), per_speaker=6)
    sessions = found.sessions()
    # Of six pairs of four clips in two chapters two lie in one chapter.
    assert (sessions.same, sessions.different, sessions.unknown) == (4, 8, 0)
    assert "of 12 trials of the same speaker 4 are of one session, 8 of two" in found.origin
    unknown = TrialList.make(voices([2, 2])).sessions()
    assert (unknown.same, unknown.different, unknown.unknown) == (0, 0, 2)


def test_pairs_of_one_session_can_be_left_out() -> None:
    found = TrialList.make(chapters(), per_speaker=6, two_sessions=True)
    assert found.sessions().same == 0
    assert found.same.sum() == 8


def test_segments_of_one_file_are_one_session_and_have_names_of_their_own() -> None:
    items = [
        Item(path=ROOT / f"{name}.flac", speaker=name, start_s=start, end_s=start + 2.5)
        for name in "ab"
        for start in (0.0, 2.5, 5.0)
    ]
    found = TrialList.make(Manifest(items=tuple(items), name="long"), per_speaker=3)
    assert found.sessions().same == found.same.sum() == 6
    assert "a.flac#t=2.5,5" in found.clips


def test_names_lead_back_to_the_clips() -> None:
    manifest = voices([3, 3])
    found = TrialList.make(manifest, per_speaker=2)
    items = found.items(manifest)
    assert [item.path.relative_to(ROOT).as_posix() for item in items] == list(found.clips)
    left, right = found.numbers[0]
    assert (found.clips[left], found.clips[right]) == (found.trials[0].left, found.trials[0].right)
    with pytest.raises(ManifestError, match="is not among the 2 clips of voices"):
        found.items(manifest.with_items(manifest.items[:2]))


def test_a_list_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    found = TrialList.make(chapters())
    path = found.save(tmp_path / "trials.csv")
    again = TrialList.load(path)
    assert again == found
    assert again.digest == found.digest
    # `sha256sum` has the same form: checksum, two blanks, name.
    assert (tmp_path / "trials.csv.sha256").read_text() == f"{found.digest}  trials.csv\n"


def test_a_list_that_was_changed_since_is_refused(tmp_path: Path) -> None:
    path = TrialList.make(voices([3, 3])).save(tmp_path / "trials.csv")
    path.write_text(path.read_text().replace(",1,a,a,", ",0,a,a,", 1))
    with pytest.raises(
        ManifestError, match=r"not the trials that trials.csv.sha256 was written for"
    ):
        TrialList.load(path)
    (tmp_path / "trials.csv.sha256").unlink()
    assert len(TrialList.load(path)) == 12


def test_a_list_of_others_needs_three_columns(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text("left,right,same\na/1.wav,a/2.wav,1\na/1.wav,b/1.wav,FALSE\n")
    found = TrialList.load(path)
    assert found.trials == (
        pair("a/1.wav", "a/2.wav", same=True),
        pair("a/1.wav", "b/1.wav", same=False),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("left,right\na,b\n", "has no column 'same'"),
        ("left,right,same\na,b,maybe\n", "line 2: same is 'maybe'; want 1 or 0"),
        ("left,right,same\na,b,1\na,,1\n", "line 3: the column 'right' is empty"),
        ("left,right,same\n", "has no rows"),
    ],
)
def test_a_table_that_is_no_list_of_trials_is_refused(
    tmp_path: Path, text: str, message: str
) -> None:
    path = tmp_path / "own.csv"
    path.write_text(text)
    with pytest.raises(ManifestError, match=message):
        TrialList.load(path)


def test_halves_share_no_speaker() -> None:
    found = TrialList.make(voices([6] * 8), per_speaker=5, different_per_same=3)
    one, two = found.halves()
    assert not set(one.speakers) & set(two.speakers)
    assert set(one.speakers) | set(two.speakers) == set(found.speakers)
    assert set(one.trials) | set(two.trials) <= set(found.trials)
    assert found.halves() == (one, two)
    assert len({found.halves(seed=seed)[0].speakers for seed in range(5)}) > 1


def test_two_speakers_are_too_few_to_halve() -> None:
    with pytest.raises(ManifestError, match="no pair of the different speakers"):
        TrialList.make(voices([3, 3])).halves()


def test_a_mask_chooses_trials() -> None:
    found = TrialList.make(voices([3, 3]))
    chosen = found.where(found.same)
    assert np.array_equal(chosen.same, np.ones(len(chosen), bool))
    assert len(chosen) == found.same.sum()


@pytest.mark.shared
def test_real_speakers_give_honest_trials(shared_data: Path) -> None:
    manifest = Manifest.load(shared_data / "librispeech_mini")
    found = TrialList.make(manifest, split="test-other", per_speaker=10)
    assert len(found.speakers) == 8
    assert found.sessions().unknown == 0
    assert len(found.items(manifest)) == len(found.clips)
