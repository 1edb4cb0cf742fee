"""Server and browser recognise and decide alike, and as the runtime does."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soxr

from bundles import RATE_HZ
from serving.chromium import Tab
from serving.served_tones import PCM, SOUND
from sonant.listening import Listener
from sonant.listening.sources import Source
from sonant.runtime.decision import Decider, Decision
from sonant.serving import pages
from tone_stream import LABELS

needs_runtime = pytest.mark.skipif(
    not pages.RUNTIME.is_file(), reason="no onnxruntime-web: run tools/vendor_page.py"
)

ENGINE = """async (module, name, pcm, model, more) => {
  const modules = await import(`${document.baseURI}page/${module}.js`);
  const told = { detections: [], frames: 0, fault: "" };
  const engine = new modules[name](model, {
    scores: () => (told.frames += 1),
    detection: (detection) => told.detections.push(detection),
    failed: (text) => (told.fault = text),
  });
  await engine.open();
  engine.begin({ rateHz: more.rate_hz, threshold: null });
  const samples = Int16Array.from(atob(pcm), (letter) => letter.charCodeAt(0));
  const sound = new Int16Array(Uint8Array.from(samples).buffer);
  for (let at = 0; at < sound.length; at += 640) engine.push(sound.slice(at, at + 640));
  await engine.finish();
  return told;
}"""


def through(tab: Tab, module: str, name: str, *, rate_hz: int = RATE_HZ) -> dict[str, Any]:
    """SOUND through one of the page's engines, in chunks as the microphone gives them."""
    pcm = PCM if rate_hz == RATE_HZ else np.round(soxr.resample(SOUND, RATE_HZ, rate_hz) * 32768)
    model = {"name": "stream", "version": 3, "labels": list(LABELS)}
    given = (
        module,
        name,
        b64encode(pcm.astype("<i2").tobytes()).decode(),
        model,
        {"rate_hz": rate_hz},
    )
    told: dict[str, Any] = tab.run(f"({ENGINE})({', '.join(map(json.dumps, given))})")
    assert told["fault"] == ""
    return told


def wanted(bundle: Path) -> list[dict[str, Any]]:
    """What `sonant listen` tells of the same samples."""
    events: list[dict[str, Any]] = []
    source = Source(name="a test", rate_hz=RATE_HZ, blocks=iter([PCM.astype(np.float32) / 32768]))
    Listener.load(bundle).listen(
        source,
        on_event=lambda event: events.append(
            {
                "name": event.label,
                "timestamp": 1000 * event.time_s,
                "start": 1000 * event.start_s,
                "end": 1000 * event.end_s,
                "score": event.score,
            }
        ),
    )
    return events


def same(found: list[dict[str, Any]], events: list[dict[str, Any]], *, within_ms: float) -> None:
    assert [one["name"] for one in found] == [one["name"] for one in events]
    for one, event in zip(found, events, strict=True):
        for key in ("timestamp", "start", "end"):
            assert one[key] == pytest.approx(event[key], abs=within_ms)
        assert one["score"] == pytest.approx(event["score"], abs=1e-3 if within_ms < 1 else 0.2)


def test_the_server_tells_the_page_what_listen_tells(tab: Tab, bundle: Path) -> None:
    same(through(tab, "server_engine", "ServerEngine")["detections"], wanted(bundle), within_ms=0.6)


@needs_runtime
def test_the_browser_itself_recognises_the_same(tab: Tab, bundle: Path) -> None:
    told = through(tab, "browser_engine", "BrowserEngine")
    same(told["detections"], wanted(bundle), within_ms=1e-6)
    assert told["frames"] == -(-len(PCM) // 160) + 1


@needs_runtime
def test_another_rate_is_resampled_in_the_browser(tab: Tab, bundle: Path) -> None:
    told = through(tab, "browser_engine", "BrowserEngine", rate_hz=44_100)
    same(told["detections"], wanted(bundle), within_ms=21)


DECIDE = """async (settings, labels, frames) => {
  const { Decider } = await import(`${document.baseURI}page/decision.js`);
  const decider = new Decider(settings, { labels, clock: (frame) => 10 * frame + 5 });
  const told = { detections: [], scores: [] };
  for (const frame of frames) {
    const { scores, detections } = decider.push(frame);
    told.detections.push(...detections);
    told.scores.push([...scores]);
  }
  return told;
}"""


@pytest.mark.parametrize("seed", range(6))
def test_the_browser_decides_as_the_runtime_does(tab: Tab, seed: int) -> None:
    draw = np.random.default_rng(seed)
    labels = ("a", "b", "c", "_unknown_")
    decision = Decision(
        threshold=0.6,
        thresholds=(("b", float(draw.uniform(0.3, 0.9))),),
        release=float(draw.uniform(0.2, 1.0)),
        smoothing_ms=float(draw.choice([0.0, 20.0, 70.0])),
        patience=int(draw.integers(1, 4)),
        refractory_ms=float(draw.choice([0.0, 50.0, 200.0])),
    )
    walk = np.cumsum(draw.normal(0, 0.15, (800, 4)), axis=0)
    frames = (0.5 + 0.5 * np.sin(walk)).astype(np.float32)
    decider = Decider(decision, labels=labels, hop_s=0.01, first_s=0.005)
    events = decider.push(frames)
    settings = {
        "thresholds": [0.6, decision.threshold_of("b"), 0.6, None],
        "release": decision.release,
        "smoothing_frames": decision.smoothing(0.01),
        "patience": decision.patience,
        "refractory_frames": decision.refractory(0.01),
    }
    given = (settings, labels, frames.astype(float).tolist())
    told = tab.run(f"({DECIDE})({', '.join(map(json.dumps, given))})")
    assert len(events) > 3
    assert [(one["name"], one["score"]) for one in told["detections"]] == [
        (event.label, event.score) for event in events
    ]
    for key, field in (("timestamp", "time_s"), ("start", "start_s"), ("end", "end_s")):
        found = [one[key] for one in told["detections"]]
        assert found == pytest.approx([1000 * getattr(event, field) for event in events])


def test_the_picture_puts_a_tone_where_it_belongs(tab: Tab) -> None:
    script = """async () => {
      const { Spectrum } = await import(`${document.baseURI}page/fft.js`);
      const tone = Float64Array.from({ length: 512 }, (_, n) => Math.sin((2 * Math.PI * 40.25 * n) / 512));
      return [...new Spectrum(512).decibels(tone)];
    }"""
    decibels = np.array(tab.run(f"({script})()"))
    tone = np.sin(2 * np.pi * 40.25 * np.arange(512) / 512) * np.hanning(513)[:512]
    spectrum = 20 * np.log10(np.abs(np.fft.rfft(tone))[:256] * 4 / 512 + 1e-9)
    assert decibels.argmax() == 40
    np.testing.assert_allclose(decibels[20:60], spectrum[20:60], atol=0.01)
