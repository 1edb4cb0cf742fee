"""The page in a real browser whose microphone plays a recording: what it hears appears on it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bundles import write_tone
from serving.chromium import Tab, browser
from serving.live import Live, live
from serving.served_tones import SAID
from sonant.serving import pages

HEARD = "[...document.querySelectorAll('#log .said')].map((said) => said.textContent)"
PICTURE = "SONANT_PAGE_PICTURE"
"""Environment variable: where a picture of the page during a detection is left."""
DEMO = ("SONANT_PAGE_BUNDLE", "SONANT_PAGE_WAV")
"""Environment variables: a trained bundle, and a recording of its words; the picture is of these then."""
ENTER, TAB_KEY = 13, 9

needs_runtime = pytest.mark.skipif(
    not pages.RUNTIME.is_file(), reason="no onnxruntime-web: run tools/vendor_page.py"
)


def is_said_in_order(heard: list[str]) -> bool:
    """The tones in the order of the recording, from any of them on: the microphone may begin anywhere."""
    tones = [label for label in SAID if label != "_silence_"]
    begin = tones.index(heard[0])
    return heard == [tones[(begin + n) % len(tones)] for n in range(len(heard))]


def test_what_the_microphone_hears_appears_and_can_be_played_back(tab: Tab) -> None:
    tab.click("#listen")
    tab.wait_for(f"{HEARD}.length >= 4")
    assert is_said_in_order(tab.run(HEARD)[::-1])
    assert tab.text("#status") == "Listening."
    assert tab.text("#latency").endswith(" ms")
    tab.wait_for("document.querySelector('#scores .over')")
    tab.wait_for("document.querySelector('#level').getAttribute('aria-valuetext').endsWith('dB')")
    assert "percent" in tab.text("#announcer")
    if (place := os.environ.get(PICTURE)) and DEMO[0] not in os.environ:
        tab.picture(Path(place))
    tab.click("#listen")
    tab.wait_for("document.querySelector('#listen').textContent === 'Listen'")
    assert tab.text("#status") == "The microphone is off."
    tab.click("#log button")
    assert tab.text("#log button") == "Stop"
    tab.wait_for("document.querySelector('#log button').textContent === 'Play'")
    tab.click("#clear")
    assert tab.run(HEARD) == []


@pytest.mark.skipif(not set(DEMO) <= set(os.environ), reason=f"{' and '.join(DEMO)} are not set")
def test_the_words_of_a_real_recording_appear(tmp_path: Path) -> None:
    bundle, wav = (Path(os.environ[name]) for name in DEMO)
    with live(tmp_path, bundle) as server, browser(tmp_path / "own", microphone=wav) as tab:
        tab.resize(1200, 1000)
        tab.open(f"{server.url}/")
        tab.wait_for("!document.getElementById('listen').disabled")
        tab.click("#listen")
        tab.wait_for(f"{HEARD}.length >= 6")
        tab.wait_for("document.querySelector('#scores .over')")
        if place := os.environ.get(PICTURE):
            tab.picture(Path(place))
        assert tab.complaints == []


def test_a_higher_threshold_is_heeded_while_it_listens(tab: Tab) -> None:
    slide = """(value) => {
      const slider = document.querySelector('#threshold');
      slider.value = value;
      slider.dispatchEvent(new Event('input'));
    }"""
    tab.click("#listen")
    tab.wait_for(f"{HEARD}.length >= 1")
    tab.run(f"({slide})(1)")
    assert tab.text("#threshold-text") == "1.00"
    heard = tab.run(f"new Promise((done) => setTimeout(() => done({HEARD}.length), 500))")
    later = tab.run(f"new Promise((done) => setTimeout(() => done({HEARD}.length), 3000))")
    assert later == heard
    tab.click("#own-threshold")
    assert tab.text("#threshold-text") == "0.50"
    tab.wait_for(f"{HEARD}.length > {later}")
    tab.click("#listen")


def test_a_file_is_dropped_or_chosen_and_answered(tab: Tab, tmp_path: Path) -> None:
    low = write_tone(tmp_path / "low.wav", "low", rate_hz=44_100)
    tab.drop("#drop", low)
    tab.wait_for("document.querySelector('#answer strong')?.textContent === 'low'")
    assert float(tab.text("#answer .value")) > 0.9
    tab.choose("#file", [write_tone(tmp_path / "high.flac", "high")])
    tab.wait_for("document.querySelector('#answer strong')?.textContent === 'high'")


def test_what_is_no_recording_is_said_to_be_none(tab: Tab, tmp_path: Path) -> None:
    (tmp_path / "note.wav").write_text("no sound")
    tab.choose("#file", [tmp_path / "note.wav"])
    tab.wait_for("document.querySelector('#answer .problem')")
    assert "cannot be read as audio" in tab.text("#answer")
    tab.complaints = [one for one in tab.complaints if ":predict" not in one]


def test_another_version_is_picked_and_one_that_does_not_stream_says_so(tab: Tab) -> None:
    versions = tab.run("[...document.querySelector('#version').options].map(({value}) => value)")
    assert versions == ["3", "1"]
    tab.run(
        "(() => { const pick = document.querySelector('#version'); pick.value = '1';"
        " pick.dispatchEvent(new Event('change')); })()"
    )
    assert "does not stream" in tab.text("#status")
    assert tab.run("document.querySelector('#listen').disabled")


@needs_runtime
def test_audio_that_must_not_leave_is_not_sent(tab: Tab, tmp_path: Path) -> None:
    tab.run("(() => { window.sent = []; const own = WebSocket.prototype.send;"
            " WebSocket.prototype.send = function (data) { sent.push(data); own.call(this, data); };"
            " })()")  # fmt: skip
    tab.click("#private")
    assert tab.text("#where") == "in this browser"
    tab.click("#listen")
    tab.wait_for(f"{HEARD}.length >= 4")
    assert is_said_in_order(tab.run(HEARD)[::-1])
    tab.click("#listen")
    tab.drop("#drop", write_tone(tmp_path / "mid.wav", "mid"))
    tab.wait_for("document.querySelector('#answer strong')?.textContent.startsWith('mid at ')")
    assert tab.run("sent.length") == 0
    assert [url for url in tab.requested if "/v1/" in url] == []


def test_a_token_is_asked_for_and_shown_wherever_it_is_needed(tab: Tab, server: Live) -> None:
    guard = """const own = window.fetch;
      window.fetch = (place, options) => options?.headers?.authorization === "Bearer secret"
        ? own(place, options)
        : Promise.resolve(new Response('{"error": "this server wants a token"}', { status: 401 }));"""
    script = tab.call("Page.addScriptToEvaluateOnNewDocument", source=guard)
    tab.open(f"{server.url}/")
    tab.wait_for("document.activeElement.id === 'token'")
    assert tab.text("#status") == "This server wants a token"
    tab.run("document.querySelector('#token').value = 'secret'")
    tab.click("#token-form button")
    tab.wait_for("!document.querySelector('#listen').disabled")
    tab.click("#listen")
    tab.wait_for(f"{HEARD}.length >= 1")
    assert any(url.endswith("/stream?access_token=secret") for url in tab.requested)
    tab.click("#listen")
    tab.run("sessionStorage.clear()")
    tab.call("Page.removeScriptToEvaluateOnNewDocument", **script)


def test_it_is_used_by_keyboard_alone(tab: Tab) -> None:
    tab.run("document.body.focus()")
    for _ in range(8):
        tab.key("Tab", code=TAB_KEY)
        if tab.run("document.activeElement.id") == "listen":
            break
    assert tab.run("document.activeElement.id") == "listen"
    assert tab.run("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    tab.key("Enter", code=ENTER, text="\r")
    tab.wait_for("document.querySelector('#listen').textContent === 'Stop'")
    tab.wait_for("document.querySelector('#status').textContent === 'Listening.'")
    tab.key("Enter", code=ENTER, text="\r")
    tab.wait_for("document.querySelector('#listen').textContent === 'Listen'")


def test_whatever_can_be_touched_has_a_name(tab: Tab) -> None:
    nodes = tab.call("Accessibility.getFullAXTree")["nodes"]
    roles = {"button", "combobox", "slider", "checkbox", "meter", "textbox", "img", "Canvas"}
    touched = [node for node in nodes if node["role"]["value"] in roles and not node["ignored"]]
    assert len(touched) > 10
    assert [node for node in touched if not node["name"]["value"]] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_narrow_screen_in_either_scheme(tab: Tab, scheme: str) -> None:
    tab.prefer(color_scheme=scheme, reduced_motion="reduce")
    tab.resize(360, 780)
    assert tab.run("document.documentElement.scrollWidth") <= 360
    tab.click("#listen")
    tab.wait_for(f"{HEARD}.length >= 1")
    assert tab.run("document.documentElement.scrollWidth") <= 360
    ground = tab.run("getComputedStyle(document.body).backgroundColor")
    brightness = sum(int(part) for part in ground[4:-1].split(",")) / 3
    assert (brightness < 128) == (scheme == "dark")
    tab.click("#listen")
