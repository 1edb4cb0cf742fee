"""A speaker model behind its detectors: one call, the clip under test read once, the reference trusted."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from bundles import RATE_HZ
from guarded_voices import OBJECTS, PASSES, write_detector
from serving.voiced import clip, loud_is_speech, write_calibrated
from sonant import audio
from sonant.audio import Clip
from sonant.countermeasures.guarded import GuardedModel
from sonant.countermeasures.guards import AlarmPoint
from sonant.errors import AudioError, BundleError
from sonant.speakers import gates
from sonant.speakers.model import SpeakerModel
from sonant.speakers.store import SpeakerStore
from sonant.spoofing.detector import Detector


@pytest.fixture(autouse=True)
def _(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gates, "measure", loud_is_speech)


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("bundles")
    return {
        "voices": write_calibrated(root),
        "passes": write_detector(root / "passes", offset=PASSES),
        "objects": write_detector(root / "objects", offset=OBJECTS),
    }


def guarded(bundles: dict[str, Path], **detectors: str) -> GuardedModel:
    named: dict[str, Any] = {f"{kind}_detector": bundles[name] for kind, name in detectors.items()}
    return GuardedModel.load(bundles["voices"], threads=1, **named)


def test_one_call_says_who_and_whether_it_is_genuine(bundles: dict[str, Path]) -> None:
    model = guarded(bundles, spoof="passes", adversarial="passes")
    found = model.verify(clip("ann", seed=1), clip("ann", seed=2))
    assert found.decision == "same"
    assert found.llr_same is not None
    assert found.llr_same > 0
    assert found.p_same is not None
    assert found.p_same > 0.5
    for llr, share in (
        (found.llr_bonafide, found.p_spoof),
        (found.llr_unattacked, found.p_adversarial),
    ):
        assert llr == pytest.approx(4.0, abs=0.5)
        assert share == pytest.approx(1 / (1 + np.exp(llr)))
    assert (found.speech_s, found.snr_db) == (1.0, 20.0)
    assert model.verify(clip("ann"), clip("bob")).decision == "different"


@pytest.mark.parametrize(
    ("spoof", "adversarial", "wanted"),
    [
        ("", "", "same"),
        ("passes", "", "same"),
        ("", "passes", "same"),
        ("passes", "passes", "same"),
        ("objects", "", "spoof"),
        ("", "objects", "adversarial"),
        ("passes", "objects", "adversarial"),
        ("objects", "passes", "spoof"),
        ("objects", "objects", "spoof"),
    ],
)
def test_a_detector_that_objects_takes_the_decision(
    bundles: dict[str, Path], spoof: str, adversarial: str, wanted: str
) -> None:
    there = {"spoof": spoof, "adversarial": adversarial}
    model = guarded(bundles, **{kind: name for kind, name in there.items() if name})
    found = model.verify(clip("ann", seed=1), clip("ann", seed=2))
    assert found.decision == wanted
    assert found.to_json()["identity"] == "same"
    assert (found.p_spoof is None, found.p_adversarial is None) == (not spoof, not adversarial)
    assert len(found.reasons) == 1 + bool(spoof) + bool(adversarial)


def test_raising_the_bona_fide_evidence_raises_llr_bonafide_and_lowers_p_spoof(
    bundles: dict[str, Path],
) -> None:
    model = guarded(bundles, spoof="passes", adversarial="objects")
    louder = [model.verify(clip("ann"), gain * clip("ann", seed=3)) for gain in (0.2, 0.6, 1.0)]
    for name, rises in (
        ("llr_bonafide", True),
        ("p_spoof", False),
        ("llr_unattacked", True),
        ("p_adversarial", False),
    ):
        values = [getattr(found, name) for found in louder]
        assert values == sorted(values, reverse=not rises), name
        assert len(set(values)) == 3


def test_a_point_of_its_own_moves_a_decision_and_no_llr(bundles: dict[str, Path]) -> None:
    clips = (clip("ann", seed=1), clip("ann", seed=2))
    asked = [
        GuardedModel.load(
            bundles["voices"], spoof_detector=bundles["objects"], points={"spoof": point}
        ).verify(*clips)
        for point in (AlarmPoint(), AlarmPoint(prior=0.01), AlarmPoint(threshold=0.99))
    ]
    assert [found.decision for found in asked] == ["spoof", "same", "same"]
    assert len({found.llr_bonafide for found in asked}) == 1
    assert asked[0].p_spoof != asked[1].p_spoof
    assert asked[0].p_spoof == asked[2].p_spoof


def test_the_reference_is_trusted_and_the_claim_alone_is_heard(bundles: dict[str, Path]) -> None:
    model = guarded(bundles, spoof="passes")
    loud, soft = clip("ann"), 0.3 * clip("ann", seed=1)
    genuine, forged = model.verify(soft, loud), model.verify(loud, soft)
    assert genuine.llr_bonafide is not None
    assert forged.llr_bonafide is not None
    assert genuine.llr_bonafide > 0 > forged.llr_bonafide
    assert genuine.decision != "spoof"
    assert forged.decision == "spoof"


@pytest.mark.parametrize("rate_hz", [RATE_HZ, 22_050])
def test_it_says_what_each_model_says_alone_of_a_file_that_is_read_once(
    bundles: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rate_hz: int
) -> None:
    first, second = (
        audio.write(tmp_path / f"{seed}.wav", Clip(clip("ann", seed=seed), rate_hz))
        for seed in (1, 2)
    )
    alone = SpeakerModel.load(bundles["voices"], threads=1).verify_files(first, second)
    heard = Detector.load(bundles["passes"], threads=1).detect(second)
    model, reads, read = guarded(bundles, spoof="passes", adversarial="passes"), [], audio.read

    def counted(source: Any, **how: Any) -> Clip:
        reads.append(source)
        return read(source, **how)

    monkeypatch.setattr(audio, "read", counted)
    found = model.verify(first, second)
    assert reads == [first, second]
    assert found.identity == alone
    assert (found.llr_bonafide, found.p_spoof) == (heard.llr_bonafide, pytest.approx(heard.p_spoof))


def test_who_is_enrolled_is_known_and_a_forged_voice_names_nobody(
    bundles: dict[str, Path], tmp_path: Path
) -> None:
    for detector, wanted in (("passes", ("known", "Ann")), ("objects", ("spoof", None))):
        model = guarded(bundles, spoof=detector)
        with SpeakerStore(tmp_path / f"{detector}.db") as store:
            model.model.enroll(store, "Ann", [clip("ann", seed=1)], rate_hz=RATE_HZ)
            found = model.identify(store, clip("ann", seed=2), rate_hz=RATE_HZ)
        assert (found.decision, found.name) == wanted
        assert found.llr_same == found.identity.candidates[0].llr  # type: ignore[union-attr]


def test_silence_is_undecided_and_no_detector_counts(bundles: dict[str, Path]) -> None:
    model = guarded(bundles, spoof="objects")
    found = model.verify(clip("ann"), np.zeros(RATE_HZ, np.float32))
    assert found.decision == "undecided"
    assert found.reason.startswith("second: not enough speech")
    assert "not counted" in found.reasons[1]
    # Where only the reference has none, the clip under test is still a forgery.
    assert model.verify(np.zeros(RATE_HZ, np.float32), clip("ann")).decision == "spoof"


def test_clips_that_cannot_be_heard_are_named(bundles: dict[str, Path], tmp_path: Path) -> None:
    model = guarded(bundles, spoof="passes")
    good = audio.write(tmp_path / "good.wav", Clip(clip("ann"), RATE_HZ))
    for bad, says in ((tmp_path / "gone.wav", r"gone\.wav"), (_empty(tmp_path), r"empty\.wav")):
        with pytest.raises(AudioError, match=says):
            model.verify(good, bad)
    with pytest.raises(AudioError, match="no numbers"):
        model.verify(good, np.full(8000, np.nan, np.float32))
    assert guarded(bundles).verify(good, np.zeros(0, np.float32)).decision == "undecided"
    with pytest.raises(AudioError, match="holds no sound"):
        model.verify(good, np.zeros(0, np.float32))


def _empty(folder: Path) -> Path:
    soundfile.write(folder / "empty.wav", np.zeros(0), RATE_HZ)
    return folder / "empty.wav"


def test_bundles_in_each_other_s_place_are_refused(
    bundles: dict[str, Path], tmp_path: Path
) -> None:
    with pytest.raises(BundleError, match="is a bundle of spoofing; telling speakers apart"):
        GuardedModel.load(bundles["passes"], spoof_detector=bundles["passes"])
    with pytest.raises(BundleError, match="is a bundle of speakers"):
        guarded(bundles, adversarial="voices")
    half = {"rate_hz": 8000, "samples": 8000, "pad": "end", "crop": "start"}
    other = write_detector(tmp_path, audio=half)
    with pytest.raises(BundleError, match="use a detector of 16000 Hz"):
        GuardedModel.load(bundles["voices"], spoof_detector=other)


def test_all_this_works_where_torch_cannot_be_imported(bundles: dict[str, Path]) -> None:
    program = (
        "import sys; sys.modules['torch'] = None\n"
        "import numpy as np\n"
        "from sonant.countermeasures.guarded import GuardedModel\n"
        "model = GuardedModel.load(sys.argv[1], spoof_detector=sys.argv[2], threads=1)\n"
        "sound = np.random.default_rng(0).normal(0.3, 0.1, 16000).astype(np.float32)\n"
        "print(model.verify(sound, sound).llr_bonafide)\n"
    )
    command = [sys.executable, "-c", program, str(bundles["voices"]), str(bundles["passes"])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) == pytest.approx(4.0, abs=0.5)
