"""A server started with detectors: its verdicts carry theirs, and clips of reference are not judged."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import numpy as np
import pytest

from guarded_voices import OBJECTS, PASSES, write_detector
from serving.house import SILENCE, SPEAKERS, House, b64, said
from serving.voiced import clip, loud_is_speech, wav, write_calibrated
from sonant.countermeasures.guarded import GuardedModel
from sonant.countermeasures.guards import AlarmPoint, Guards
from sonant.errors import BundleError, ServeError
from sonant.serving import openapi
from sonant.serving.bundles import open_bundle
from sonant.serving.catalog import config_of_folder
from sonant.serving.options import Options
from sonant.serving.server import in_background
from sonant.serving.speaker_bundles import CLAIM, CLAIMED, EMBED, SpeakerServable
from sonant.serving.speaker_guards import guards_of
from sonant.serving.status import Refusal
from sonant.serving.tensors import text
from sonant.speakers import gates
from spoof_bundle import score_of

LLRS = {"llr_bonafide", "llr_unattacked"}


@pytest.fixture(autouse=True)
def _(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gates, "measure", loud_is_speech)


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("bundles")
    return {
        "voices": write_calibrated(root / "models"),
        "passes": write_detector(root / "passes", offset=PASSES),
        "objects": write_detector(root / "objects", offset=OBJECTS),
        "raw": write_detector(root / "raw", offset=None),
    }


def guarded(bundles: Mapping[str, Path], folder: Path, **detectors: str) -> House:
    guards = Guards.load(**{kind: bundles[name] for kind, name in detectors.items()}, threads=1)  # type: ignore[arg-type]
    return House(folder / "speakers.db", {"voices": bundles["voices"]}, guards=guards)


@pytest.mark.parametrize(
    ("detectors", "wanted"),
    [
        ({}, "same"),
        ({"spoof": "passes"}, "same"),
        ({"adversarial": "passes"}, "same"),
        ({"spoof": "objects"}, "spoof"),
        ({"adversarial": "objects"}, "adversarial"),
        ({"spoof": "passes", "adversarial": "objects"}, "adversarial"),
        ({"spoof": "objects", "adversarial": "objects"}, "spoof"),
        ({"spoof": "raw"}, "same"),
    ],
)
def test_a_verdict_carries_the_word_of_the_detectors_there_are(
    bundles: dict[str, Path], tmp_path: Path, detectors: dict[str, str], wanted: str
) -> None:
    house = guarded(bundles, tmp_path, **detectors)
    found = house.post("verify", left=said("ann", 1), right=said("ann", 2))
    assert (found["decision"], found["identity"]) == (wanted, "same")
    assert (
        (found["p_spoof"] is None) == (found["llr_bonafide"] is None) == ("spoof" not in detectors)
    )
    missing = "adversarial" not in detectors
    assert (found["p_adversarial"] is None) == (found["llr_unattacked"] is None) == missing
    assert (found["llr_same"], found["p_same"]) == (found["llr"], found["probability"])
    assert len(found["reasons"]) == 1 + len(detectors)
    assert found["reason"] in found["reasons"]
    assert ("uncalibrated" in found["reasons"][-1]) == (detectors.get("spoof") == "raw")


def test_identifying_names_nobody_by_a_forged_voice(
    bundles: dict[str, Path], tmp_path: Path
) -> None:
    for detector, wanted in (("passes", ("known", "Ann")), ("objects", ("spoof", None))):
        house = guarded(bundles, tmp_path, spoof=detector)
        house.post("enroll", name="Ann", clips=[said("ann", 1)])
        found = house.post("identify", clip=said("ann", 9))
        assert (found["decision"], found["name"]) == wanted
        assert found["identity"] == "known"
        assert found["llr_same"] == found["candidates"][0]["llr"]
        assert found["llr_bonafide"] == pytest.approx(
            score_of(clip("ann", seed=9)) + {"passes": PASSES, "objects": OBJECTS}[detector],
            abs=0.01,
        )


def test_the_server_says_what_the_call_says(bundles: dict[str, Path], tmp_path: Path) -> None:
    house = guarded(bundles, tmp_path, spoof="passes", adversarial="objects")
    clips = [
        wav(clip("ann", seed=seed), rate_hz=rate_hz) for seed, rate_hz in ((1, 16_000), (2, 22_050))
    ]
    over = house.post("verify", left=b64(clips[0]), right=b64(clips[1]))
    model = GuardedModel.load(
        bundles["voices"],
        spoof_detector=bundles["passes"],
        adversarial_detector=bundles["objects"],
        threads=1,
    )
    here = model.verify(*clips).to_json()
    assert set(over) == set(here)
    for name, value in here.items():
        if isinstance(value, float):
            assert over[name] == pytest.approx(value, abs=1e-4), name
        elif name not in ("reason", "reasons"):  # in which numbers may be rounded otherwise
            assert over[name] == value, name


def test_silence_is_no_forgery_and_the_reference_is_not_judged(
    bundles: dict[str, Path], tmp_path: Path
) -> None:
    house = guarded(bundles, tmp_path, spoof="passes")
    silent = house.post("verify", left=said("ann"), right=SILENCE)
    assert silent["decision"] == "undecided"
    assert "not counted" in silent["reasons"][1]
    soft = b64(wav(0.3 * clip("ann", seed=1)))
    assert house.post("verify", left=soft, right=said("ann"))["p_spoof"] < 0.1
    assert house.post("verify", left=said("ann"), right=soft)["decision"] == "spoof"


@pytest.mark.parametrize(
    ("verb", "body", "says"),
    [
        ("verify", {"left": said("ann")}, "'right' is missing"),
        ("verify", {"right": said("ann")}, "'left' is missing"),
        ("verify", {"left": said("ann"), "right": b64(b"no")}, "right: cannot be read as audio"),
        ("verify", {"left": b64(b"no"), "right": said("ann")}, "left: cannot be read as audio"),
        ("identify", {"clip": b64(b"no")}, "clip: cannot be read as audio"),
    ],
)
def test_what_is_wrong_is_named_behind_detectors_too(
    bundles: dict[str, Path], tmp_path: Path, verb: str, body: dict[str, Any], says: str
) -> None:
    status, error = guarded(bundles, tmp_path, spoof="passes").refusal(verb, **body)
    assert (status, says in error) == (400, True), error


def test_the_signature_claim_is_there_with_detectors_alone(bundles: dict[str, Path]) -> None:
    assert CLAIM not in open_bundle(bundles["voices"]).signatures
    guards = Guards.load(spoof=bundles["passes"], adversarial=bundles["objects"], threads=1)
    servable = open_bundle(bundles["voices"], guards=guards)
    assert isinstance(servable, SpeakerServable)
    servable.warm_up(2)
    signature = servable.signatures[CLAIM]
    assert set(signature.inputs) == {CLAIMED}
    assert set(signature.outputs) == set(servable.signatures[EMBED].outputs) | LLRS
    files = text([wav(clip("ann", seed=1)), wav(0.2 * clip("ann", seed=2))])
    found = servable.run(CLAIM, servable.prepare(CLAIM, {CLAIMED: files}))
    assert set(found) == set(signature.outputs)
    loud, soft = found["llr_bonafide"]
    assert loud > 0 > soft
    np.testing.assert_allclose(found["llr_unattacked"], found["llr_bonafide"] + OBJECTS, atol=1e-4)
    plain = servable.run(EMBED, servable.prepare(EMBED, {"wav": files}))
    assert not set(plain) & LLRS
    assert plain["embedding"].tobytes() == found["embedding"].tobytes()
    empty = servable.run(CLAIM, servable.prepare(CLAIM, {CLAIMED: text([])}))
    assert empty["llr_bonafide"].shape == (0,)
    with pytest.raises(Refusal, match=r"'claimed' is \[1, 1\], want \[batch\] of bytes"):
        servable.prepare(CLAIM, {CLAIMED: text([[b""]])})


def test_a_speaker_model_that_hears_another_rate_is_not_served(
    bundles: dict[str, Path], tmp_path: Path
) -> None:
    half = {"rate_hz": 8000, "samples": 8000, "pad": "end", "crop": "start"}
    guards = Guards.load(spoof=write_detector(tmp_path, audio=half))
    with pytest.raises(BundleError, match=r"the spoof detector hears 8000 Hz, .* 16000 Hz"):
        open_bundle(bundles["voices"], guards=guards)


def test_the_options_say_which_detectors_and_at_which_point(bundles: dict[str, Path]) -> None:
    assert guards_of(Options()).all == ()
    guards = guards_of(
        Options(
            spoof_detector=bundles["passes"],
            spoof_prior=0.1,
            adversarial_detector=bundles["objects"],
            adversarial_threshold=0.9,
        )
    )
    assert [(guard.kind, guard.point) for guard in guards.all] == [
        ("spoof", AlarmPoint(prior=0.1)),
        ("adversarial", AlarmPoint(threshold=0.9)),
    ]


@pytest.mark.parametrize("flag", ["spoof_prior", "adversarial_threshold"])
def test_a_share_that_is_none_ends_the_start(flag: str) -> None:
    with pytest.raises(ServeError, match=f"--{flag} 1"):
        guards_of(Options(**{flag: 1.0}))  # type: ignore[arg-type]


def test_a_detector_that_is_none_ends_the_start(bundles: dict[str, Path], tmp_path: Path) -> None:
    voices = bundles["voices"]
    with (
        pytest.raises(BundleError, match="is a bundle of speakers"),
        serving(voices, tmp_path / "speakers.db", spoof_detector=voices),
    ):
        pytest.fail("it started")


@contextmanager
def serving(bundle: Path, store: Path, **flags: Any) -> Iterator[str]:
    """A server of one bundle; its address."""
    options = Options(
        rest_api_port=-1,
        port=0,
        wyoming_port=0,
        speaker_store=str(store),
        access_log=False,
        **flags,
    )
    with in_background(options, config_of_folder(bundle)) as ports:
        yield ports.url


def test_over_http_answers_are_those_of_the_document(
    bundles: dict[str, Path], tmp_path: Path
) -> None:
    for flags, wanted in (
        ({}, ("same", "known")),
        ({"spoof_detector": bundles["objects"]}, ("spoof", "spoof")),
        (
            {"spoof_detector": bundles["passes"], "adversarial_detector": bundles["objects"]},
            ("adversarial", "adversarial"),
        ),
    ):
        store = tmp_path / "speakers.db"
        with (
            serving(bundles["voices"], store, **flags) as url,
            httpx.Client(base_url=url) as client,
        ):
            client.post(f"{SPEAKERS}:enroll", json={"name": "Ann", "clips": [said("ann", 1)]})
            pair = {"left": said("ann", 1), "right": said("ann", 2)}
            verdict = client.post(f"{SPEAKERS}:verify", json=pair).json()
            identification = client.post(
                f"{SPEAKERS}:identify", json={"clip": said("ann", 2)}
            ).json()
            assert (verdict["decision"], identification["decision"]) == wanted
            assert valid("Verdict", verdict)
            assert valid("Identification", identification)
            there = client.get("/v1/models/voices/metadata").text
            assert ("llr_bonafide" in there) == bool(flags)


def valid(schema: str, tree: Any) -> bool:
    """Whether an answer is what the OpenAPI document says."""
    document = json.loads(json.dumps(openapi.document()))
    whole = {"$ref": f"#/components/schemas/{schema}", "components": document["components"]}
    jsonschema_rs.validator_for(whole).validate(tree)
    return set(tree) == set(document["components"]["schemas"][schema]["properties"])
