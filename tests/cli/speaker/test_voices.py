"""`sonant speaker verify` and `identify` with detectors: what they print, and with which exit code."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bundles import RATE_HZ
from guarded_voices import OBJECTS, PASSES, write_detector
from serving.voiced import clip, loud_is_speech, write_calibrated
from sonant import audio, cli
from sonant.audio import Clip
from sonant.speakers import gates
from voice_bundle import write_voices

Run = Callable[..., tuple[int, str, str]]
FIELDS = (
    "llr_same", "p_same", "p_spoof", "llr_bonafide", "p_adversarial", "speech_s", "snr_db", "decision",
    "reasons",
)  # fmt: skip


@pytest.fixture
def sonant(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Run:
    """Run the command line in this process; returns exit code, stdout, stderr."""
    monkeypatch.setattr(gates, "measure", loud_is_speech)
    monkeypatch.setenv("SONANT_SPEAKERS", str(tmp_path / "speakers.db"))
    monkeypatch.setenv("COLUMNS", "240")
    for name in ("SONANT_SPEAKER_MODEL", "SONANT_SPOOF_DETECTOR", "SONANT_ADVERSARIAL_DETECTOR"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["sonant", "speaker", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            cli.main()
        shown = capsys.readouterr()
        return int(left.value.code or 0), shown.out, shown.err

    return run


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("bundles")
    return {
        "voices": write_calibrated(root),
        "passes": write_detector(root / "passes", offset=PASSES),
        "objects": write_detector(root / "objects", offset=OBJECTS),
        "raw": write_detector(root / "raw", offset=None),
    }


@pytest.fixture(scope="module")
def ann(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("clips")
    first, second = (
        audio.write(folder / f"{seed}.wav", Clip(clip("ann", seed=seed), RATE_HZ))
        for seed in (1, 2)
    )
    return first, second


@pytest.mark.parametrize(
    ("detectors", "wanted", "code"),
    [
        ({}, "same", 0),
        ({"spoof": "passes"}, "same", 0),
        ({"adversarial": "passes"}, "same", 0),
        ({"spoof": "objects"}, "spoof", 0),
        ({"adversarial": "objects"}, "adversarial", 0),
        ({"spoof": "objects", "adversarial": "objects"}, "spoof", 0),
        ({"spoof": "raw"}, "same", 0),
    ],
)
def test_verify_carries_all_fields_whichever_detectors_there_are(
    sonant: Run,
    bundles: dict[str, Path],
    ann: tuple[Path, Path],
    detectors: dict[str, str],
    wanted: str,
    code: int,
) -> None:
    named = [
        part for kind, name in detectors.items() for part in (f"--{kind}-detector", bundles[name])
    ]
    left, out, _ = sonant("verify", *ann, "--model", bundles["voices"], *named, "--json")
    found = json.loads(out)
    assert (left, found["decision"], found["identity"]) == (code, wanted, "same")
    assert all(name in found for name in FIELDS)
    assert (found["p_spoof"] is None) == ("spoof" not in detectors)
    assert (found["p_adversarial"] is None) == ("adversarial" not in detectors)
    assert len(found["reasons"]) == 1 + len(detectors)
    assert found["model"] == "voices/2"


def test_the_table_shows_what_each_detector_says(
    sonant: Run, bundles: dict[str, Path], ann: tuple[Path, Path]
) -> None:
    code, out, _ = sonant(
        "verify", *ann, "--model", bundles["voices"],
        "--spoof-detector", bundles["passes"], "--adversarial-detector", bundles["objects"],
    )  # fmt: skip
    assert code == 0
    assert out.startswith("adversarial")
    whys = [line for line in out.splitlines() if line.strip().startswith("why")]
    assert [
        next(word for word in ("spoof detector", "adversarial detector", "LLR") if word in line)
        for line in whys
    ] == ["LLR", "spoof detector", "adversarial detector"]
    for row in ("P(forged)", "LLR of bona fide speech", "P(attacked)", "LLR of unattacked speech"):
        assert row in out
    _, out, _ = sonant("verify", *ann, "--model", bundles["voices"])
    assert "forged" not in out
    assert "attacked" not in out


def test_priors_and_thresholds_are_settings(
    sonant: Run, bundles: dict[str, Path], ann: tuple[Path, Path]
) -> None:
    for more, wanted in (
        ((), "spoof"),
        (("--spoof-prior", 0.01), "same"),
        (("--spoof-threshold", 0.99), "same"),
    ):
        asked = ("--model", bundles["voices"], "--spoof-detector", bundles["objects"], *more)
        assert json.loads(sonant("verify", *ann, *asked, "--json")[1])["decision"] == wanted
    for flag in ("--spoof-prior", "--adversarial-threshold"):
        code, _, err = sonant("verify", *ann, "--model", bundles["voices"], flag, 1)
        assert code == 2
        assert "between 0 and 1" in err


def test_identify_names_nobody_by_a_forged_voice_and_does_not_offer_to_keep_it(
    sonant: Run, bundles: dict[str, Path], ann: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = ("--model", bundles["voices"])
    assert sonant("enroll", "Ann", ann[0], *model)[0] == 0
    code, out, err = sonant("identify", ann[1], *model, "--spoof-detector", bundles["passes"])
    assert (code, "enroll NAME" in err) == (0, True)
    assert "Ann" in out
    monkeypatch.setenv("SONANT_SPOOF_DETECTOR", str(bundles["objects"]))
    code, out, err = sonant("identify", ann[1], *model, "--json")
    found = json.loads(out)
    assert (code, found["decision"], found["name"]) == (0, "spoof", None)
    assert all(name in found for name in FIELDS)
    assert "enroll NAME" not in err


def test_what_an_uncalibrated_detector_wants_is_the_next_step(
    sonant: Run, bundles: dict[str, Path], ann: tuple[Path, Path]
) -> None:
    quiet = ann[1].with_name("quiet.wav")
    audio.write(quiet, Clip(0.4 * clip("ann", seed=2), RATE_HZ))
    asked = ("--model", bundles["voices"], "--spoof-detector", bundles["raw"])
    code, out, err = sonant("verify", ann[0], quiet, *asked)
    assert code == 1
    assert out.startswith("undecided")
    assert f"next: sonant spoof calibrate {bundles['raw']}" in err


def test_wrong_bundles_are_named(
    sonant: Run, bundles: dict[str, Path], ann: tuple[Path, Path], tmp_path: Path
) -> None:
    model = ("--model", bundles["voices"])
    code, _, err = sonant("verify", *ann, *model, "--spoof-detector", write_voices(tmp_path))
    assert code == 1
    assert "is a bundle of speakers" in err
    half = {"rate_hz": 8000, "samples": 8000, "pad": "end", "crop": "start"}
    other = write_detector(tmp_path / "half", audio=half)
    code, _, err = sonant("identify", ann[0], *model, "--adversarial-detector", other)
    assert code == 1
    assert "the adversarial detector hears 8000 Hz" in err
