"""The tutorial's walk with plain curl: two models in one models.config, status, a wrong model, a prediction.

The tutorial writes `/version/`, `:perdict` and `"instance"`, which TensorFlow Serving has never taken; here
they are refused just as it refuses them, and the walk goes on with what it takes.
"""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bundles import write_bundle, write_tone
from serving.live import live
from sonant import audio

CONFIG = """\
model_config_list:{
    config:{
      name:"TONES",
      base_path:"%(folder)s/TONES",
      model_platform:"tensorflow"
    },
    config:{
      name:"SPEECHCOMMAND",
      base_path:"%(folder)s/SPEECHCOMMAND",
      model_platform:"tensorflow"
    },
}
"""
"""Written as the tutorial does, colons, commas and all."""
AVAILABLE = {
    "version": "1",
    "state": "AVAILABLE",
    "status": {"error_code": "OK", "error_message": ""},
}
WORDS = ("go", "stop", "yes")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("multiModel")
    write_bundle(folder, name="TONES")
    write_bundle(folder, name="SPEECHCOMMAND", changes={"labels": list(WORDS)})
    config = folder / "models.config"
    config.write_text(CONFIG % {"folder": folder})
    with live(folder, model_config_file=config) as server:
        yield server.url


def curl(*arguments: str, body: str = "") -> tuple[int, Any]:
    """The status and the JSON of a reply."""
    program = shutil.which("curl")
    if program is None:
        pytest.skip("curl is not installed")
    told = [program, "--silent", "--show-error", "--max-time", "20", "-w", "\n%{http_code}"]
    if body:
        told += ["--data-binary", "@-"]
    done = subprocess.run(
        [*told, *arguments], input=body, capture_output=True, text=True, check=True
    )
    reply, _, status = done.stdout.rpartition("\n")
    return int(status), json.loads(reply)


def test_both_models_are_available(url: str) -> None:
    for name in ("TONES", "SPEECHCOMMAND"):
        assert curl(f"{url}/v1/models/{name}") == (200, {"model_version_status": [AVAILABLE]})
        assert curl(f"{url}/v1/models/{name}/versions/1") == curl(f"{url}/v1/models/{name}")


def test_a_model_that_is_not_there_is_an_error_object(url: str) -> None:
    status, error = curl(f"{url}/v1/models/NOSUCH")
    assert (status, error) == (404, {"error": "Could not find any versions of model NOSUCH"})
    status, error = curl("-X", "POST", f"{url}/v1/models/NOSUCH:predict", body='{"instances": [1]}')
    assert (status, error) == (404, {"error": "Servable not found for request: Latest(NOSUCH)"})


@pytest.mark.parametrize("version", ["", "/versions/1"])
def test_a_clip_is_predicted_from_its_samples(url: str, version: str, tmp_path: Path) -> None:
    samples = audio.read(write_tone(tmp_path / "a.wav", "low")).samples
    status, reply = curl(
        "-X",
        "POST",
        f"{url}/v1/models/SPEECHCOMMAND{version}:predict",
        body=json.dumps({"instances": [samples.tolist()]}),
    )
    assert status == 200
    (prediction,) = reply["predictions"]
    assert prediction["label"] == "stop"
    assert prediction["scores"] == pytest.approx([0, 1, 0], abs=1e-3)


def test_a_clip_is_predicted_from_its_file(url: str, tmp_path: Path) -> None:
    files = [write_tone(tmp_path / f"{label}.wav", label) for label in ("mid", "high")]
    rows = [{"b64": base64.b64encode(file.read_bytes()).decode()} for file in files]
    body = json.dumps({"signature_name": "wav", "instances": rows})
    status, reply = curl(f"{url}/v1/models/TONES:predict", body=body)
    assert status == 200
    assert [row["label"] for row in reply["predictions"]] == ["mid", "high"]


def test_the_slips_of_the_tutorial_are_refused_as_tensorflow_serving_refuses_them(url: str) -> None:
    model = "/v1/models/SPEECHCOMMAND"
    assert curl(f"{url}{model}/version/1") == (
        400,
        {"error": f"Malformed request: GET {model}/version/1"},
    )
    assert curl(f"{url}{model}:perdict", body="{}") == (
        400,
        {"error": f"Malformed request: POST {model}:perdict"},
    )
    assert curl(f"{url}{model}:predict", body='{"instance": [[0.0]]}') == (
        400,
        {"error": "Missing 'inputs' or 'instances' key"},
    )
