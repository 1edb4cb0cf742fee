"""Speakers over HTTP: enrolled, verified, identified, listed, forgotten; and what is refused."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from bundles import write_bundle
from serving.house import SILENCE, SPEAKERS, House, b64, said
from serving.voiced import clip, loud_is_speech, wav, write_calibrated
from sonant.card import Card
from sonant.errors import StoreError
from sonant.serving import server
from sonant.serving.app import App
from sonant.serving.bundles import open_bundle
from sonant.serving.catalog import Catalog
from sonant.serving.http import Reply, Request
from sonant.serving.metrics import Metrics
from sonant.serving.options import Options
from sonant.serving.server import in_background
from sonant.serving.service import Service
from sonant.serving.streams.hub import Hubs
from sonant.speakers import gates
from sonant.speakers.model import SpeakerModel
from sonant.speakers.store import SpeakerStore
from voice_bundle import write_voices


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_calibrated(tmp_path_factory.mktemp("voices"))


@pytest.fixture(autouse=True)
def _(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gates, "measure", loud_is_speech)


@pytest.fixture
def house(tmp_path: Path, bundle: Path) -> House:
    return House(tmp_path / "speakers.db", {"voices": bundle})


def test_whoever_was_enrolled_is_known_again(house: House) -> None:
    enrolled = house.post("enroll", name=" Ann ", clips=[said("ann", 1), said("ann", 2)])
    assert (enrolled["name"], enrolled["utterances"]) == ("Ann", 2)
    house.post("enroll", name="Bob", clips=[said("bob", 1)])
    found = house.post("identify", clip=said("ann", 9))
    assert (found["decision"], found["name"]) == ("known", "Ann")
    assert [one["name"] for one in found["candidates"]] == ["Ann", "Bob"]
    assert found["candidates"][0]["probability"] > 0.9
    only = house.post("identify", clip=said("bob", 9), top=1)
    assert [one["name"] for one in only["candidates"]] == ["Bob"]


def test_a_verdict_carries_all_that_it_rests_on(house: House) -> None:
    same = house.post("verify", left=said("ann", 1), right=said("ann", 2))
    assert same["decision"] == "same"
    assert same["llr"] == pytest.approx(20 * same["cosine"] - 16, abs=1e-4)
    assert same["operating_point"] == {"prior": 0.5, "cost_miss": 1.0, "cost_false_accept": 1.0}
    assert (same["speech_s"], same["snr_db"]) == (1.0, 20.0)
    assert house.post("verify", left=said("ann"), right=said("bob"))["decision"] == "different"


def test_nothing_is_decided_without_a_calibration(tmp_path: Path) -> None:
    house = House(tmp_path / "speakers.db", {"voices": write_voices(tmp_path)})
    house.post("enroll", name="Ann", clips=[said("ann")])
    for answer in (
        house.post("verify", left=said("ann"), right=said("ann")),
        house.post("identify", clip=said("ann")),
    ):
        assert answer["decision"] == "undecided"
        assert answer["reason"].startswith("uncalibrated")


def test_nothing_is_decided_in_silence_and_nobody_enrolled_by_it(house: House) -> None:
    house.post("enroll", name="Ann", clips=[said("ann")])
    found = house.post("identify", clip=SILENCE)
    assert (found["decision"], found["candidates"]) == ("undecided", [])
    verdict = house.post("verify", left=said("ann"), right=SILENCE)
    assert verdict["reason"].startswith("second: not enough speech")
    status, error = house.refusal("enroll", name="Bob", clips=[said("bob"), SILENCE])
    assert (status, error.partition(":")[0]) == (400, "clips[1]")
    assert "'Bob' is not enrolled" in error
    assert [one["name"] for one in listed(house)["speakers"]] == ["Ann"]


def test_nobody_is_known_where_nobody_is_enrolled(house: House) -> None:
    found = house.post("identify", clip=said("ann"))
    assert (found["decision"], found["reason"]) == ("nobody known", "nobody is enrolled")


def test_the_same_enrolment_again_changes_nothing(house: House) -> None:
    for _ in range(2):
        assert house.post("enroll", name="Ann", clips=[said("ann", 1)])["utterances"] == 1
    assert house.post("enroll", name="Ann", clips=[said("ann", 2)])["utterances"] == 2


def listed(house: House) -> Any:
    return json.loads(house.ask("GET", SPEAKERS).body)


def test_all_are_listed_and_one_is_forgotten(house: House) -> None:
    assert listed(house) == {"model_digest": None, "speakers": []}
    for name in ("Zoë", "Ann"):
        house.post("enroll", name=name, clips=[said("ann")])
    speakers = listed(house)["speakers"]
    assert [(one["name"], one["utterances"]) for one in speakers] == [("Ann", 1), ("Zoë", 1)]
    gone = house.ask("DELETE", f"{SPEAKERS}/Zo%C3%AB")
    assert json.loads(gone.body) == {"name": "Zoë", "forgotten": 1}
    assert [one["name"] for one in listed(house)["speakers"]] == ["Ann"]
    again = house.ask("DELETE", f"{SPEAKERS}/Zo%C3%AB")
    assert again.status == 404
    assert "nobody is enrolled as 'Zoë'" in json.loads(again.body)["error"]


def test_what_the_model_enrols_the_server_knows(house: House, bundle: Path) -> None:
    assert house.store is not None
    with SpeakerStore(house.store) as store:
        SpeakerModel(Card.read(bundle)).enroll(store, "Ann", [wav(clip("ann", seed=1))])
    assert house.post("identify", clip=said("ann", 2))["name"] == "Ann"
    assert house.post("enroll", name="Ann", clips=[said("ann", 1)])["utterances"] == 1


def test_speakers_of_another_model_are_not_compared(house: House) -> None:
    assert house.store is not None
    with SpeakerStore(house.store) as store:
        store.enroll("Ann", [[1.0, 0.0, 0.0, 0.0]], model_digest="f" * 64)
    for verb, body in (("identify", {"clip": said("ann")}),
                       ("enroll", {"name": "Bob", "clips": [said("bob")]})):  # fmt: skip
        status, error = house.refusal(verb, **body)
        assert status == 400
        assert "cannot be compared" in error


def test_the_only_speaker_model_needs_no_name(tmp_path: Path, bundle: Path) -> None:
    two = House(tmp_path / "a.db", {"voices": bundle, "others": bundle})
    clips = {"left": said("ann"), "right": said("ann", 1)}
    assert two.post("verify", model="others", **clips)["decision"] == "same"
    status, error = two.refusal("verify", **clips)
    assert (status, "(others, voices)" in error) == (400, True)
    none = House(tmp_path / "a.db", {})
    assert none.refusal("verify", **clips)[0] == 404
    assert none.refusal("verify", model="words", **clips) == (400, "words is no speaker model")
    assert "Servable not found" in none.refusal("verify", model="nosuch", **clips)[1]


@pytest.mark.parametrize(
    ("verb", "body", "says"),
    [
        ("enroll", {"clips": [said("ann")]}, "'name' is missing"),
        ("enroll", {"name": " ", "clips": [said("ann")]}, "is no name"),
        ("enroll", {"name": "Ann", "clips": []}, "'clips' is no list of 1 to 100"),
        ("enroll", {"name": "Ann", "clips": [{"b64": "?"}]}, "base64"),
        ("enroll", {"name": "Ann", "clip": said("ann")}, "'clip' is none of model, name, clips"),
        ("enroll", {"name": "Ann", "clips": [said("ann"), b64(b"no")]}, "clips[1]: cannot be read"),
        ("verify", {"left": said("ann")}, "'right' is missing"),
        ("verify", {"left": said("ann"), "right": b64(b"no")}, "right: cannot be read as audio"),
        ("verify", {"model": 3}, "'model' is no string"),
        ("identify", {"clip": "ann"}, "'clip' is missing, or no"),
        ("identify", {"clip": said("ann"), "top": True}, "'top' is no whole number"),
        ("identify", {"clip": said("ann"), "top": 0}, "'top' is no whole number"),
    ],
)
def test_what_is_wrong_is_named(house: House, verb: str, body: dict[str, Any], says: str) -> None:
    status, error = house.refusal(verb, **body)
    assert (status, says in error) == (400, True), error


def test_what_is_no_object_no_path_or_no_method_is_refused(house: House) -> None:
    assert house.ask("POST", f"{SPEAKERS}:verify", b"[]").status == 400
    assert house.ask("POST", f"{SPEAKERS}:verify", b"{").status == 400
    assert house.ask("POST", f"{SPEAKERS}:marry", b"{}").status == 404
    refused = house.ask("POST", f"{SPEAKERS}/Ann")
    assert (refused.status, refused.headers["allow"]) == (405, "DELETE")
    assert house.ask("GET", f"{SPEAKERS}x").body.startswith(b'{"error":"Malformed request')


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", SPEAKERS), ("DELETE", f"{SPEAKERS}/Ann"), ("POST", f"{SPEAKERS}:identify")],
)
def test_without_a_store_the_reply_says_how_to_get_one(method: str, path: str) -> None:
    reply = House(None, {}).ask(method, path, {})
    assert reply.status == 501
    assert "--speaker_store" in json.loads(reply.body)["error"]


def test_a_store_that_fails_is_named_in_the_log_alone(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: object) -> None:
        raise StoreError("/secret/path: the disk is full")

    monkeypatch.setattr(SpeakerStore, "speakers", fail)
    reply = house.ask("GET", SPEAKERS)
    assert (reply.status, reply.headers["retry-after"]) == (503, "5")
    assert b"secret" not in reply.body
    assert "the disk is full" in caplog.text


def test_a_store_that_keeps_everybody_waiting_costs_no_more_than_the_deadline(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = threading.Event()

    def wait(_: object) -> list[object]:
        assert gone.wait(30)
        return []

    async def late() -> Reply:
        options = Options(speaker_store=str(house.store))
        executor, metrics = ThreadPoolExecutor(1), Metrics()
        catalog = Catalog(options=options, load=open_bundle, executor=executor)
        hubs = Hubs(executor, metrics)
        service = Service(options=options, catalog=catalog, metrics=metrics, hubs=hubs)
        due = asyncio.get_running_loop().time() + 0.01
        asked = Request(method="GET", target=SPEAKERS, headers={}, body=b"", deadline=due)
        try:
            return await App(service).answer(service, asked)
        finally:
            gone.set()
            service.close()
            executor.shutdown()

    monkeypatch.setattr(SpeakerStore, "speakers", wait)
    reply = asyncio.run(late())
    assert reply.status == 504
    assert b"deadline passed" in reply.body


def test_a_file_of_something_else_ends_the_start(tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE bread (flour)")
    connection.close()
    with pytest.raises(StoreError, match="SQLite file of something else"):
        server.Server(Options(speaker_store=str(other)))


@pytest.fixture
def url(tmp_path: Path, bundle: Path) -> Iterator[str]:
    token = tmp_path / "token"
    token.write_text("a-token-long-enough-to-be-one\n")
    write_bundle(tmp_path)
    options = Options(
        rest_api_port=-1,
        port=0,
        wyoming_port=0,
        token_file=token,
        speaker_store=str(tmp_path / "speakers.db"),
        max_body_bytes=200_000,
        access_log=False,
    )

    def fill(catalog: Catalog) -> None:
        catalog.add("voices", 1, open_bundle(bundle))

    with in_background(options, fill=fill) as ports:
        yield ports.url


def test_behind_a_server_the_token_and_the_bounds_hold(url: str) -> None:
    body = {"name": "Ann", "clips": [said("ann")]}
    assert httpx.get(f"{url}{SPEAKERS}").status_code == 401
    assert httpx.delete(f"{url}{SPEAKERS}/Ann").status_code == 401
    shown = {"authorization": "Bearer a-token-long-enough-to-be-one"}
    with httpx.Client(base_url=url, headers=shown) as client:
        assert client.post(f"{SPEAKERS}:enroll", json=body).json()["utterances"] == 1
        found = client.post(f"{SPEAKERS}:identify", json={"clip": said("ann", 4)})
        assert found.json()["name"] == "Ann"
        long = {"clip": b64(bytes(200_000))}
        assert client.post(f"{SPEAKERS}:identify", json=long).status_code == 413
        assert client.delete(f"{SPEAKERS}/Ann").json() == {"name": "Ann", "forgotten": 1}
        for about in ("/v1/models/voices", "/v1/models/voices/metadata", "/page/models.json",
                      "/v2/models/voices", "/v2/models/voices/config", "/metrics"):  # fmt: skip
            assert client.get(about).status_code == 200, about
        rows = client.post(
            "/v1/models/voices:predict",
            json={"signature_name": "embed", "instances": [said("ann"), said("bob")]},
        ).json()["predictions"]
        assert [set(row) for row in rows] == [{"embedding", "norm", "speech_s", "snr_db"}] * 2
