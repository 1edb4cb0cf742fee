"""Triton's own client against the server, over a socket: what it sends by default is binary."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bundles import tone, write_bundle, write_tone
from serving.kserve.house import LABELS, Same, Thirds
from sonant.serving.bundles import open_bundle
from sonant.serving.catalog import Catalog
from sonant.serving.options import Options
from sonant.serving.server import in_background
from sonant.serving.tensors import DTYPES, STRING, DType

triton = pytest.importorskip("tritonclient.http", reason="pip install 'tritonclient[http]'")
errors = pytest.importorskip("tritonclient.utils")

CLIPS = np.array([[0.1, 0.7, 0.2, 0.0], [0.5, 0.25, 0.0, 0.0]], np.float32)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    options = Options(rest_api_port=-1, port=0, wyoming_port=0, access_log=False)
    bundle = open_bundle(write_bundle(tmp_path_factory.mktemp("models")))

    def fill(catalog: Catalog) -> None:
        catalog.add("thirds", 1, Thirds())
        catalog.add("thirds", 3, Thirds(), labels=["stable"])
        catalog.add("same", 1, Same())
        catalog.add("tones", 1, bundle)

    with in_background(options, fill=fill) as ports:
        client = triton.InferenceServerClient(f"{ports.host}:{ports.rest}")
        yield client
        client.close()


def clips(*, binary: bool = True) -> Any:
    """The input for `thirds`."""
    given = triton.InferInput("samples", list(CLIPS.shape), "FP32")
    given.set_data_from_numpy(CLIPS, binary_data=binary)
    return given


def test_health_and_metadata(client: Any) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("thirds")
    assert client.is_model_ready("thirds", "1")
    assert not client.is_model_ready("thirds", "2")
    assert not client.is_model_ready("other")
    assert client.get_server_metadata()["name"] == "sonant"
    assert client.get_model_metadata("thirds")["versions"] == ["1", "3"]
    assert client.get_model_config("thirds", "3")["max_batch_size"] == 32


def test_an_inference_as_the_client_sends_it_by_default(client: Any) -> None:
    result = client.infer("thirds", [clips()], request_id="a7")
    np.testing.assert_array_equal(result.as_numpy("scores"), CLIPS[:, :3])
    assert result.as_numpy("label").tolist() == [b"low", b"high"]
    said = result.get_response()
    assert (said["id"], said["model_version"]) == ("a7", "3")


@pytest.mark.parametrize("binary", [False, True])
def test_outputs_in_json_or_binary(client: Any, binary: bool) -> None:
    wanted = [
        triton.InferRequestedOutput("label", binary_data=binary),
        triton.InferRequestedOutput("scores", binary_data=not binary),
    ]
    result = client.infer("thirds", [clips(binary=not binary)], outputs=wanted)
    np.testing.assert_allclose(result.as_numpy("scores"), CLIPS[:, :3], rtol=1e-7)
    assert [str(label).strip("b'") for label in result.as_numpy("label")] == ["low", "high"]


def test_the_best_classes(client: Any) -> None:
    wanted = [triton.InferRequestedOutput("scores", class_count=1)]
    best = client.infer("thirds", [clips()], outputs=wanted).as_numpy("scores")
    assert best.tolist() == [[b"0.700000:1:low"], [b"0.500000:0:high"]]
    assert LABELS[1] == "low"


def test_a_clip_of_pcm(client: Any) -> None:
    pcm = np.array([0, 0, 2**14, 0], "<i2").tobytes()
    given = triton.InferInput("pcm", [1], "BYTES")
    given.set_data_from_numpy(np.array([pcm], dtype=object))
    assert client.infer("thirds", [given]).as_numpy("label").tolist() == [b"mid"]


@pytest.mark.parametrize("name", ["samples", "pcm", "wav"])
def test_a_bundle_hears_a_clip_in_each_of_its_forms(client: Any, name: str, tmp_path: Path) -> None:
    clip = tone("low")
    if name == "samples":
        given = triton.InferInput(name, [1, len(clip)], "FP32")
        given.set_data_from_numpy(clip[None])
    else:
        pcm = (clip * 2**15).astype("<i2").tobytes()
        sound = pcm if name == "pcm" else write_tone(tmp_path / "low.wav", "low").read_bytes()
        given = triton.InferInput(name, [1], "BYTES")
        given.set_data_from_numpy(np.array([sound], dtype=object))
    result = client.infer("tones", [given])
    assert result.as_numpy("label").tolist() == [b"low"]
    assert result.as_numpy("scores").sum() == pytest.approx(1)


def test_a_label_in_place_of_a_version_and_a_timeout(client: Any) -> None:
    result = client.infer("thirds", [clips()], model_version="stable", timeout=5_000_000)
    assert result.get_response()["model_version"] == "3"


@pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: str(dtype.kserve))
def test_every_type(client: Any, dtype: DType) -> None:
    values = (
        np.array([b"", b"\xff\0"], dtype=object)
        if dtype is STRING
        else np.array([0, 1], dtype.numpy)
    )
    given = triton.InferInput(dtype.kserve, [2], dtype.kserve)
    given.set_data_from_numpy(values)
    back = client.infer("same", [given]).as_numpy(dtype.kserve)
    assert back.dtype == values.dtype
    assert back.tolist() == values.tolist()


def test_packed_requests(client: Any) -> None:
    result = client.infer("thirds", [clips()], request_compression_algorithm="gzip")
    assert result.as_numpy("label").tolist() == [b"low", b"high"]


def test_many_at_a_time(client: Any) -> None:
    asked = [client.async_infer("thirds", [clips()]) for _ in range(8)]
    assert {tuple(one.get_result().as_numpy("label")) for one in asked} == {(b"low", b"high")}


@pytest.mark.parametrize(
    ("model", "status", "message"),
    [("other", "404", "unknown model"), ("thirds", "400", "unexpected inference output 'no'")],
)
def test_refusals_are_told(client: Any, model: str, status: str, message: str) -> None:
    with pytest.raises(errors.InferenceServerException) as caught:
        client.infer(model, [clips()], outputs=[triton.InferRequestedOutput("no")])
    assert caught.value.status() == status
    assert message in caught.value.message()


def test_the_repository_and_its_statistics(client: Any) -> None:
    index = client.get_model_repository_index()
    assert [(entry["name"], entry["version"], entry["state"]) for entry in index] == [
        ("same", "1", "READY"), ("thirds", "1", "READY"), ("thirds", "3", "READY"),
        ("tones", "1", "READY"),
    ]  # fmt: skip
    client.unload_model("same")
    assert not client.is_model_ready("same")
    client.load_model("same")
    assert client.is_model_ready("same")
    client.infer("thirds", [clips()], model_version="1")
    (told,) = client.get_inference_statistics("thirds", "1")["model_stats"]
    assert told["inference_stats"]["success"]["count"] >= 1
    assert len(client.get_inference_statistics()["model_stats"]) == 4
