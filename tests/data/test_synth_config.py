from __future__ import annotations

import json
from typing import Any

import pytest

from sonant.data.synth_config import SynthConfig
from sonant.errors import ManifestError


def test_the_default_is_eight_words_of_one_second() -> None:
    config = SynthConfig()
    assert config.words == ("down", "go", "left", "no", "right", "stop", "up", "yes")
    assert config.length == 16000


def test_plain_is_what_json_gives_back() -> None:
    plain = SynthConfig().plain()
    assert json.loads(json.dumps(plain)) == plain


def test_a_digest_tells_settings_apart() -> None:
    assert SynthConfig().digest == SynthConfig(speakers=SynthConfig().speakers).digest
    assert SynthConfig().digest != SynthConfig(seed=1).digest


@pytest.mark.parametrize(
    "wrong",
    [
        {"words": ()},
        {"words": ("go", "Go")},
        {"words": ("../up",)},
        {"words": ("_background_noise_",)},
        {"words": (".hidden",)},
        {"words": ("go ",)},
        {"words": ("",)},
        {"speakers": 2},
        {"takes": 0},
        {"rate_hz": 100},
        {"duration_s": 0.0},
        {"shift_s": -0.1},
        {"snr_db": (20.0, 10.0)},
        {"level_db": (-10.0, -20.0)},
        {"echo_share": 1.5},
        {"seed": -1},
    ],
)
def test_what_cannot_be_made_is_refused_by_its_name(wrong: dict[str, Any]) -> None:
    with pytest.raises(ManifestError, match=f"^{next(iter(wrong))}: "):
        SynthConfig(**wrong)


@pytest.mark.parametrize("word", ["go", "turn left", "don't", "über", "x-ray", "route_66"])
def test_words_of_any_language_are_labels(word: str) -> None:
    assert SynthConfig(words=(word,)).words == (word,)
