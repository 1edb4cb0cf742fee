from __future__ import annotations

import numpy as np

from sonant.data.voices import ENDINGS, cast, take_of


def test_timbres_repeat_only_when_there_are_not_enough() -> None:
    people = cast(25, timbres=10, seed=0)
    assert {voice.timbre for voice in people[:10]} == set(range(10))
    assert len(set(people)) == 25


def test_a_cast_depends_on_the_seed_and_grows_at_its_end() -> None:
    assert cast(5, timbres=10, seed=0) == cast(9, timbres=10, seed=0)[:5]
    assert cast(5, timbres=10, seed=0) != cast(5, timbres=10, seed=1)


def test_takes_differ_a_little_and_stay_with_their_speaker() -> None:
    (voice,) = cast(1, timbres=10, seed=0)
    takes = [take_of(voice, "go", rng=np.random.default_rng(number)) for number in range(40)]
    assert len(set(takes)) == 40
    assert {take.ending for take in takes} == set(ENDINGS)
    for take in takes:
        assert (take.voice.timbre, take.voice.tract) == (voice.timbre, voice.tract)
        assert 0.0 <= take.voice.height <= 1.0
        assert 0.9 <= take.voice.speed / voice.speed <= 1.1
