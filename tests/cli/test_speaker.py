"""`sonant speaker`: what each verb prints, where, and with which exit code."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import voice_clips
from not_speech import NOT_SPEECH, RATE_HZ
from sonant import audio, cli
from sonant.audio import Clip
from sonant.manifest import Manifest
from sonant.verification.trials import TrialList
from voice_bundle import write_voices

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return voice_clips.write_clips(tmp_path_factory.mktemp("clips") / "spoken")


@pytest.fixture
def voices(tmp_path: Path) -> Path:
    """The name folder of a bundle that was never calibrated."""
    return write_voices(tmp_path / "models").parent


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "speakers.sqlite"


@pytest.fixture
def sonant(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Run:
    """Run the command line in this process; returns exit code, stdout, stderr."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("SONANT_SPEAKERS", "SONANT_SPEAKER_MODEL"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["sonant", "speaker", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            cli.main()
        shown = capsys.readouterr()
        return int(left.value.code or 0), shown.out, shown.err

    return run


def calibrated(sonant: Run, voices: Path, clips: Manifest) -> dict[str, object]:
    """What `calibrate --json` printed."""
    code, out, err = sonant(
        "calibrate", "--model", voices, "--data", clips.root, "--split", "all", "--rounds", 5,
        "--prior", 0.4, "--json",
    )  # fmt: skip
    assert code == 0, err
    found: dict[str, object] = json.loads(out)
    return found


def test_verify_decides_nothing_before_calibration_and_says_how_to_go_on(
    sonant: Run, voices: Path, clips: Manifest
) -> None:
    file = voice_clips.of(clips, 0)
    code, out, err = sonant("verify", file, file, "--model", voices, "--json")
    assert code == 1
    found = json.loads(out)
    assert (found["decision"], found["llr"], found["model"]) == ("undecided", None, "voices/1")
    assert found["cosine"] == pytest.approx(1.0, abs=1e-6)
    assert f"next: sonant speaker calibrate --model {voices}" in err


def test_calibrate_writes_a_version_that_verify_decides_by(
    sonant: Run, voices: Path, clips: Manifest
) -> None:
    found = calibrated(sonant, voices, clips)
    assert found["bundle"] == str(voices / "2")
    assert {"eer", "min_dcf_0.01", "cllr"} <= set(found["figures"])  # type: ignore[call-overload]
    file = voice_clips.of(clips, 0)
    code, out, _ = sonant("verify", file, file, "--model", voices, "--json")
    answer = json.loads(out)
    assert code == 0
    assert (answer["decision"], answer["model"]) == ("same", "voices/2")
    assert answer["operating_point"]["prior"] == 0.4
    assert 0.5 < answer["probability"] < 1.0
    code, out, _ = sonant("verify", file, voice_clips.of(clips, 4), "--model", voices)
    assert code == 0
    assert "different" in out
    assert "P(same speaker)" in out


def test_calibrate_prints_its_figures_and_what_was_left_out(
    sonant: Run, voices: Path, clips: Manifest, tmp_path: Path
) -> None:
    table = tmp_path / "trials.csv"
    code, out, err = sonant(
        "calibrate", "--model", voices, "--data", clips.root, "--split", "all", "--rounds", 5,
        "--save-trials", table, "--per-speaker", 12, "--quality", "speech_s,snr_db",
    )  # fmt: skip
    assert code == 0, err
    for figure in ("eer %", "min_dcf_0.01", "cllr", "min_cllr", "fitted to", "snr_db"):
        assert figure in out
    assert "left out: " in err
    assert "trials of the same speaker" in err
    assert len(TrialList.load(table).speakers) == 6
    # The table alone does as well: its clips lie below a folder.
    code, out, _ = sonant(
        "calibrate", "--model", voices, "--trials", table, "--audio", clips.root, "--rounds", 5,
        "--json",
    )  # fmt: skip
    assert code == 0
    assert json.loads(out)["bundle"] == str(voices / "3")
    code, out, _ = sonant(
        "calibrate", "--model", voices, "--trials", table, "--data", clips.root, "--rounds", 5
    )
    assert code == 0


def test_somebody_is_enrolled_known_listed_and_forgotten(
    sonant: Run, voices: Path, clips: Manifest, store: Path
) -> None:
    calibrated(sonant, voices, clips)
    ann, bob = voice_clips.of(clips, 0), voice_clips.of(clips, 4, "marvin")
    at = ("--store", store)
    code, out, err = sonant("enroll", "ann", ann, "--model", voices, *at)
    assert code == 0
    assert out == f"ann: 1 utterances in {store}\n"
    assert f"next: sonant speaker identify FILE --model {voices} --store {store}" in err
    code, out, _ = sonant("identify", ann, "--model", voices, *at, "--json")
    known = json.loads(out)
    assert (code, known["decision"], known["name"]) == (0, "known", "ann")
    code, out, _ = sonant("identify", bob, "--model", voices, *at)
    assert code == 0
    assert "nobody known" in out
    code, out, _ = sonant("enroll", "bob", bob, "--model", voices, *at, "--json")
    assert (json.loads(out)["name"], json.loads(out)["utterances"]) == ("bob", 1)
    assert sonant("identify", bob, "--model", voices, *at)[1].count("bob") >= 2
    code, out, _ = sonant("list", *at, "--json")
    assert [row["name"] for row in json.loads(out)["speakers"]] == ["ann", "bob"]
    code, out, err = sonant("forget", "ann", *at)
    assert (code, out) == (0, f"ann: 1 utterances removed from {store}\n")
    code, out, err = sonant("list", *at)
    assert "bob" in out
    assert "ann" not in out
    assert "1 enrolled" in err
    code, _, err = sonant("forget", "ann", *at)
    assert code == 1
    assert "nobody is enrolled as 'ann'" in err


def test_the_store_is_in_the_home_folder_or_where_the_environment_says(
    sonant: Run,
    voices: Path,
    clips: Manifest,
    store: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SONANT_SPEAKER_MODEL", str(voices))
    code, _, err = sonant("list")
    assert code == 1
    assert "no such store; enrol somebody first" in err
    assert sonant("enroll", "ann", voice_clips.of(clips, 0))[0] == 0
    assert (tmp_path / "home" / ".local" / "share" / "sonant" / "speakers.sqlite").is_file()
    monkeypatch.setenv("SONANT_SPEAKERS", str(store))
    assert sonant("enroll", "bob", voice_clips.of(clips, 0))[0] == 0
    assert [row["name"] for row in json.loads(sonant("list", "--json")[1])["speakers"]] == ["bob"]


def test_a_password_is_not_repeated() -> None:
    from sonant.cli.speaker.voices import _options

    assert _options(None, "postgresql://ann:secret@host/voices") == " --store URL"


def test_what_has_no_speech_is_refused_with_a_reason(
    sonant: Run, voices: Path, clips: Manifest, store: Path, tmp_path: Path
) -> None:
    calibrated(sonant, voices, clips)
    ann = voice_clips.of(clips, 0)
    hum = audio.write(tmp_path / "hum.wav", Clip(NOT_SPEECH["hum at 50 Hz"], RATE_HZ))
    code, out, _ = sonant("verify", ann, hum, "--model", voices)
    assert code == 1
    assert "not enough speech" in out
    code, _, err = sonant("enroll", "ann", ann, hum, "--model", voices, "--store", store)
    assert code == 1
    assert f"ann is not enrolled: {hum}: not enough speech" in err
    code, _, err = sonant("identify", tmp_path / "gone.wav", "--model", voices, "--store", store)
    assert code == 1
    assert "error: " in err


def test_cluster_says_whose_each_clip_is_and_draws_it(
    sonant: Run, voices: Path, clips: Manifest, tmp_path: Path
) -> None:
    picture = tmp_path / "voices.png"
    code, out, err = sonant(
        "cluster", clips.root, "--model", voices, "--exactly", 3, "--plot", picture, "--json"
    )
    assert code == 1  # two clips have no speech
    found = json.loads(out)
    assert found["speakers"] == 3
    assert len(found["clips"]) + len(found["left_out"]) == 36
    assert {row["cluster"] for row in found["clips"]} == {0, 1, 2}
    assert 0.0 < found["agreement"]["v_measure"] < 1.0
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert err.count("left out: ") == len(found["left_out"]) > 0
    loose = tmp_path / "loose"
    for number in (0, 1):
        loose.mkdir(exist_ok=True)
        (loose / f"{number}.wav").write_bytes(voice_clips.of(clips, number).read_bytes())
    code, out, err = sonant("cluster", loose, "--model", voices, "--most", 1)
    assert code == 0
    assert "1 speakers in 2 clips" in out
    assert "purity" not in err


@pytest.mark.parametrize(
    "arguments",
    [
        ("verify", "a.wav", "--model", "m"),
        ("verify", "a.wav", "b.wav"),
        ("enroll", "ann", "--model", "m"),
        ("calibrate", "--model", "m", "--prior", "1"),
        ("calibrate", "--model", "m", "--cost-miss", "0"),
        ("cluster", "d", "--model", "m", "--exactly", "0"),
        ("recognise",),
    ],
)
def test_wrong_usage_exits_with_2(sonant: Run, arguments: tuple[str, ...]) -> None:
    assert sonant(*arguments)[0] == 2


def test_a_split_that_is_not_there_is_refused_with_those_that_are(
    sonant: Run, voices: Path, clips: Manifest
) -> None:
    code, _, err = sonant(
        "calibrate", "--model", voices, "--data", clips.root, "--split", "held-out"
    )
    assert code == 1
    assert "has no split 'held-out' (there: train, validation, test)" in err
    code, _, err = sonant("calibrate", "--model", voices, "--data", clips.root, "--split", "test")
    assert code == 1
    assert "--split test: spoken: no trials can be made, as there are not a second speaker" in err


def test_calibrating_on_nothing_is_wrong_usage(sonant: Run, voices: Path) -> None:
    code, _, err = sonant("calibrate", "--model", voices)
    assert code == 2
    assert "--trials" in err


def test_all_this_works_where_torch_cannot_be_imported(
    voices: Path, clips: Manifest, store: Path
) -> None:
    program = (
        "import sys; sys.modules['torch'] = None\n"
        "from sonant import cli\n"
        "sys.argv = ['sonant', 'speaker', *sys.argv[1:]]; cli.main()"
    )
    for arguments in (
        ["calibrate", "--data", clips.root, "--split", "all", "--rounds", 5, "--model", voices],
        ["enroll", "ann", voice_clips.of(clips, 0), "--store", store, "--model", voices],
        ["identify", voice_clips.of(clips, 0), "--store", store, "--model", voices],
    ):
        command = [sys.executable, "-c", program, *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
