"""The two labels of speech that may be forged."""

from __future__ import annotations

import pytest

from sonant.errors import ManifestError
from sonant.listing.spoof_labels import BONAFIDE, LABELS, SPOOF, WORDS, spoof_label


@pytest.mark.parametrize("word", ["bonafide", "Bona-Fide", "bona fide", "BONA_FIDE", "real"])
def test_words_for_people_are_bona_fide_however_they_are_written(word: str) -> None:
    assert spoof_label(word, where="a.wav") == BONAFIDE


@pytest.mark.parametrize("word", ["spoof", "Fake", "deep-fake", "synthetic"])
def test_words_for_machines_are_spoof(word: str) -> None:
    assert spoof_label(word, where="a.wav") == SPOOF


def test_a_label_is_its_own_word_and_bona_fide_comes_first() -> None:
    assert LABELS == (BONAFIDE, SPOOF)
    assert all(WORDS[label] == label for label in LABELS)


@pytest.mark.parametrize("word", ["", "yes", "not real"])
def test_another_word_is_refused_with_the_clip_and_what_would_do(word: str) -> None:
    with pytest.raises(ManifestError, match=r"a\.wav: the label .* use one of bonafide"):
        spoof_label(word, where="a.wav")
