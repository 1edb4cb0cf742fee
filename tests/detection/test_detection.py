"""An evaluation on streams from end to end: known tones in known places give known figures."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from bundles import write_bundle
from sonant.card import Card
from sonant.detection import Listening, assess_stream, operating
from sonant.detection.sweeping import grid
from sonant.errors import BundleError, ManifestError
from sonant.events import Event, Working
from sonant.listening import UNTUNED, decision_of
from sonant.manifest import Manifest
from sonant.tally import StreamReport
from tone_data import write_hiss, write_long, write_manifest, write_tones

SECONDS = 0.5


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return write_manifest(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_hiss(tmp_path_factory.mktemp("noise") / "hiss.wav").parent


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tones(tmp_path_factory.mktemp("bundle"))


@pytest.fixture
def bundle(original: Path, tmp_path: Path) -> Path:
    """A copy that may get a next version."""
    shutil.copytree(original, tmp_path / "models" / original.name)
    return tmp_path / "models" / original.name


@pytest.fixture
def long(tmp_path: Path) -> Path:
    """Four recordings of two seconds, of which only the last two say anything."""
    for name, word in (("a", "_silence_"), ("b", "_silence_"), ("c", "low"), ("d", "low")):
        write_long(tmp_path / "long" / f"{name}.wav", ("_silence_", word, "_silence_", "_silence_"))
    return tmp_path / "long"


def test_without_asking_for_a_threshold_the_present_one_is_reported_on(
    original: Path, data: Manifest, noise: Path
) -> None:
    told: list[Event] = []
    found = assess_stream(
        original,
        data,
        listening=Listening(background=noise, snrs_db=(20.0, 0.0)),
        on_event=told.append,
    )
    assert [form.name for form in found.forms] == [
        "whole clips",
        "stream, reset before each clip",
        "stream, never reset",
    ]
    assert [form.report.accuracy for form in found.forms] == [1.0, 1.0, 1.0]
    assert [one.name for one in found.stitched] == ["clips at 20 dB SNR", "clips at 0 dB SNR"]
    clear = found.stitched[0]
    assert clear.at.threshold == UNTUNED.threshold
    assert (clear.at.false_rejects.count, clear.at.false_rejects.of) == (0, 6)
    assert clear.at.false_alarms.count == 0
    assert clear.latency is not None
    # The tone is the second half of its clip.
    assert SECONDS < clear.latency.after_start_s[0] < SECONDS + 0.2
    assert not found.written
    assert any("no operating point" in note for note in found.notes)
    assert Working(what="stitched, clips at 0 dB SNR", done=6, total=6) in told


def test_a_threshold_is_chosen_on_one_half_and_reported_on_the_other(
    bundle: Path, data: Manifest, noise: Path, long: Path
) -> None:
    found = assess_stream(
        bundle, data, listening=Listening(background=noise, long=long, per_hour=1800.0)
    )
    # a and c choose: one burst in 4 seconds is 900 an hour, which can be borne at any threshold.
    assert found.long is not None
    assert found.long.recordings == 2
    assert found.long.at.false_alarms.count == 1
    assert found.long.at.false_alarms.per_hour == pytest.approx(900.0)
    card = Card.read(Path(found.written))
    assert card.version == Card.read(bundle).version + 1
    point = dict(card.operating_point or {})
    assert point == found.point
    assert decision_of(card).to_dict() == found.decision
    assert point["false_alarms_per_hour"]["asked"] == 1800.0
    assert point["false_alarms_per_hour"]["found"] == pytest.approx(900.0)
    assert point["false_alarms_per_hour"]["hours"] == pytest.approx(4 / 3600)
    assert point["false_rejects"]["on"] == "clips at 10 dB SNR"
    assert point["chosen_on"]["split"] == "validation"
    assert any("allow up to" in note for note in found.notes)


def test_a_stricter_wish_gives_a_higher_threshold(
    bundle: Path, data: Manifest, noise: Path, long: Path
) -> None:
    def threshold(per_hour: float) -> float:
        listening = Listening(background=noise, snrs_db=(20.0,), long=long, per_hour=per_hour)
        found = assess_stream(bundle, data, listening=listening)
        return float(found.decision["threshold"])

    assert threshold(1800.0) < 0.1
    assert threshold(0.0) > 0.9


def test_a_threshold_that_hears_nothing_is_not_stored(
    bundle: Path, data: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = len(grid()) - 1  # a threshold of 1, which no tone reaches
    monkeypatch.setattr(operating, "lowest", lambda counts, **asked: last)
    found = assess_stream(bundle, data, listening=Listening(per_hour=0.0))
    assert (found.written, found.point) == ("", None)
    assert found.decision == UNTUNED.to_dict()
    assert any("still hears a keyword" in note for note in found.notes)


def test_without_long_audio_the_stitched_recordings_choose(
    bundle: Path, data: Manifest, noise: Path
) -> None:
    found = assess_stream(bundle, data, listening=Listening(background=noise, per_hour=0.0))
    assert found.long is None
    assert found.point is not None
    assert found.point["false_alarms_per_hour"]["on"] == "clips at 10 dB SNR"
    assert found.stitched[1].at.false_alarms.count == 0


def test_without_noise_the_clips_stand_in_silence(original: Path, data: Manifest) -> None:
    found = assess_stream(original, data, listening=Listening())
    assert [one.name for one in found.stitched] == ["clips in silence"]
    assert found.stitched[0].at.false_rejects.share == 0.0
    assert any("--background" in note for note in found.notes)


def test_all_of_it_is_one_json_object(original: Path, data: Manifest, long: Path) -> None:
    found = assess_stream(original, data, listening=Listening(long=long))
    tree: dict[str, Any] = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert {"accuracy", "clips", "labels", "confusion", "parameters"} <= set(tree)
    assert tree["long"]["false_alarms"]["count"] == 2
    assert tree["long"]["false_rejects"]["share"] is None
    assert [form["points"] for form in tree["forms"]] == [0.0, 0.0, 0.0]
    assert len(tree["stitched"][0]["curve"]) > 50
    assert isinstance(found, StreamReport)


def test_a_page_is_written(original: Path, data: Manifest, long: Path, tmp_path: Path) -> None:
    assess_stream(original, data, listening=Listening(long=long), write_to=tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    assert "Detection error tradeoff" in text
    assert text.count("<picture>") == 2


def test_what_does_not_stream_is_refused(tmp_path: Path, data: Manifest) -> None:
    with pytest.raises(BundleError, match="no step graph"):
        assess_stream(write_bundle(tmp_path), data, listening=Listening())


def test_a_threshold_wants_validation_clips(bundle: Path, data: Manifest) -> None:
    with pytest.raises(ManifestError, match="validation"):
        assess_stream(
            bundle, data.where(split="test"), split="all", listening=Listening(per_hour=1.0)
        )


def test_a_place_without_room_for_a_next_version_is_told_before_the_work(
    original: Path, data: Manifest, tmp_path: Path
) -> None:
    shutil.copytree(original, tmp_path / "mine")
    told: list[Event] = []
    with pytest.raises(BundleError, match="copy it to such a folder"):
        assess_stream(
            tmp_path / "mine", data, listening=Listening(per_hour=1.0), on_event=told.append
        )
    assert not told


def test_a_list_of_no_levels_is_refused() -> None:
    with pytest.raises(ManifestError, match="--snr"):
        Listening(snrs_db=())
