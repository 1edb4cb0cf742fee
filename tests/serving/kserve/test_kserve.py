"""KServe's protocol as a client sees it, from the list of models to the last byte of a tensor."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from serving.kserve.house import LABELS, House, built, tensor
from sonant.serving.http import Reply
from sonant.serving.kserve.asking import JSON_LENGTH
from sonant.serving.tensors import DTYPES, STRING

CLIP = tensor("samples", "FP32", [[0.1, 0.7, 0.2, 0.0]])


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with built() as found:
        yield found


def told(reply: Reply) -> Any:
    """The JSON of a good reply."""
    assert reply.status == 200, reply.body
    return json.loads(reply.body)


def error(reply: Reply) -> str:
    """What a refusal says; it is never a fault of ours."""
    assert 400 <= reply.status < 500 or reply.status in (501, 503), reply
    (message,) = json.loads(reply.body).values()
    return str(message)


def binary(tree: dict[str, Any], *tails: bytes) -> tuple[bytes, dict[str, str]]:
    """JSON with tensors behind it, and the header that says so."""
    head = json.dumps(tree).encode()
    return b"".join((head, *tails)), {JSON_LENGTH: str(len(head))}


def taken_apart(reply: Reply) -> tuple[Any, list[bytes]]:
    """The JSON of a binary reply, and each tensor behind it."""
    assert reply.status == 200, reply.body
    length = int(reply.headers[JSON_LENGTH])
    tree, tail = json.loads(reply.body[:length]), reply.body[length:]
    tensors = []
    for output in tree["outputs"]:
        size = output.get("parameters", {}).get("binary_data_size", 0)
        tensors.append(tail[:size])
        tail = tail[size:]
    assert not tail
    return tree, tensors


def test_the_server_says_what_it_is_and_what_it_can(house: House) -> None:
    said = house.get("/v2")
    assert said["name"] == "sonant"
    assert "binary_tensor_data" in said["extensions"]


def test_it_lives_and_is_ready(house: House) -> None:
    assert house.get("/v2/health/live") == {"live": True}
    assert house.get("/v2/health/ready") == {"ready": True}


def test_a_server_that_is_going_lives_but_is_not_ready() -> None:
    with built() as house:
        house.service.draining.set()
        assert house.ask("GET", "/v2/health/ready").status == 503
        assert house.ask("GET", "/v2/health/live").status == 200


def test_the_models_are_listed(house: House) -> None:
    assert house.get("/v2/models") == {"models": ["same", "thirds"]}


def test_a_model_says_what_goes_in_and_out(house: House) -> None:
    assert house.get("/v2/models/thirds") == {
        "name": "thirds",
        "versions": ["1", "3"],
        "platform": "onnxruntime_onnx",
        "inputs": [{"name": "samples", "datatype": "FP32", "shape": [-1, -1]}],
        "outputs": [
            {"name": "scores", "datatype": "FP32", "shape": [-1, 3]},
            {"name": "label", "datatype": "BYTES", "shape": [-1]},
        ],
    }


@pytest.mark.parametrize("path", ["thirds", "thirds/versions/1", "thirds/versions/stable"])
def test_a_model_that_answers_is_ready(house: House, path: str) -> None:
    assert house.get(f"/v2/models/{path}/ready") == {"name": "thirds", "ready": True}


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("other", 404, "Request for unknown model: 'other' is not found"),
        ("thirds/versions/2", 404, "'thirds' version 2 is not found"),
        ("thirds/versions/99999999999999999999", 404, "is not found"),
        ("thirds/versions/9223372036854775808", 404, "is not found"),
        ("thirds/versions/canary", 400, "Unrecognized servable version label: canary"),
    ],
)
@pytest.mark.parametrize("word", ["", "/ready", "/config", "/stats"])
def test_what_is_not_there_is_not_found(
    house: House, path: str, word: str, status: int, message: str
) -> None:
    reply = house.ask("GET", f"/v2/models/{path}{word}")
    assert reply.status == status
    assert message in error(reply)


def test_names_may_be_percent_encoded(house: House) -> None:
    assert house.get("/v2/models/%74hirds/ready?x=1") == {"name": "thirds", "ready": True}


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/v2/models/thirds/infer", "POST"),
        ("POST", "/v2/health/live", "GET"),
        ("DELETE", "/v2/models/thirds", "GET"),
        ("GET", "/v2/repository/index", "POST"),
    ],
)
def test_another_method_is_told_the_right_one(
    house: House, method: str, path: str, allowed: str
) -> None:
    reply = house.ask(method, path)
    assert (reply.status, reply.headers["allow"]) == (405, allowed)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v2/nothing", 404),
        ("/v2/models/thirds/fly", 404),
        ("/v2/models/thirds/versions/1/versions/1/infer", 404),
        ("/v2/models/thirds/generate", 501),
        ("/v2/systemsharedmemory/status", 501),
        ("/v2/trace/setting", 501),
    ],
)
def test_what_is_not_spoken_here_is_said_to_be_so(house: House, path: str, status: int) -> None:
    assert house.ask("POST", path).status == status


def test_json_in_json_out(house: House) -> None:
    reply = house.infer("thirds", {"id": "a7", "inputs": [CLIP]})
    assert reply.model == "thirds"
    assert told(reply) == {
        "model_name": "thirds",
        "model_version": "3",
        "id": "a7",
        "outputs": [
            {"name": "scores", "datatype": "FP32", "shape": [1, 3], "data": [0.1, 0.7, 0.2]},
            {"name": "label", "datatype": "BYTES", "shape": [1], "data": ["low"]},
        ],
    }


def test_a_version_may_be_named(house: House) -> None:
    reply = house.ask("POST", "/v2/models/thirds/versions/1/infer", {"inputs": [CLIP]})
    assert told(reply)["model_version"] == "1"
    assert "id" not in told(reply)


def test_outputs_may_be_chosen(house: House) -> None:
    reply = house.infer("thirds", {"inputs": [CLIP], "outputs": [{"name": "label"}]})
    assert [output["name"] for output in told(reply)["outputs"]] == ["label"]


def test_binary_in_binary_out(house: House) -> None:
    clips = np.array([[0.5, 0, 0, 0], [0, 0, 0.25, 0]], np.float32)
    tree = {
        "parameters": {"binary_data_output": True},
        "inputs": [
            {
                "name": "samples", "datatype": "FP32", "shape": [2, 4],
                "parameters": {"binary_data_size": clips.nbytes},
            }
        ],
    }  # fmt: skip
    reply = house.infer("thirds", *binary(tree, clips.tobytes()))
    said, (scores, label) = taken_apart(reply)
    assert reply.content_type == "application/octet-stream"
    assert [output["shape"] for output in said["outputs"]] == [[2, 3], [2]]
    assert all("data" not in output for output in said["outputs"])
    assert np.frombuffer(scores, "<f4").reshape(2, 3).tolist() == [[0.5, 0, 0], [0, 0, 0.25]]
    assert label == b"\4\0\0\0high\3\0\0\0mid"


def test_each_output_may_be_json_or_binary(house: House) -> None:
    outputs = [{"name": "label", "parameters": {"binary_data": True}}, {"name": "scores"}]
    said, (label, _) = taken_apart(house.infer("thirds", {"inputs": [CLIP], "outputs": outputs}))
    assert label == b"\3\0\0\0low"
    assert said["outputs"][1]["data"] == pytest.approx([0.1, 0.7, 0.2])


@pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: str(dtype.kserve))
def test_every_type_goes_both_ways(house: House, dtype: Any) -> None:
    values = ["a", "ö"] if dtype is STRING else np.array([0, 1], dtype.numpy).tolist()
    given = tensor(dtype.kserve, dtype.kserve, values)
    said = told(house.infer("same", {"inputs": [given]}))["outputs"][0]
    assert (said["datatype"], said["shape"], said["data"]) == (dtype.kserve, [2], values)
    tree = {"inputs": [given], "parameters": {"binary_data_output": True}}
    _, (raw,) = taken_apart(house.infer("same", tree))
    again = {**given, "parameters": {"binary_data_size": len(raw)}}
    del again["data"]
    assert told(house.infer("same", *binary({"inputs": [again]}, raw)))["outputs"][0] == said


def test_a_signature_is_found_by_its_inputs_or_named(house: House) -> None:
    pcm = np.array([0, 0, 2**14, 0], "<i2").tobytes()
    clip = {
        "name": "pcm", "datatype": "BYTES", "shape": [1],
        "parameters": {"binary_data_size": 4 + len(pcm)},
    }  # fmt: skip
    for parameters in ({}, {"signature_name": "pcm"}):
        body, headers = binary({"inputs": [clip], "parameters": parameters}, b"\x08\0\0\0", pcm)
        assert told(house.infer("thirds", body, headers))["outputs"][1]["data"] == ["mid"]


def test_a_body_that_is_nothing_but_samples_is_one_clip(house: House) -> None:
    raw = np.array([0, 0.5, 0.25], "<f4").tobytes()
    said, (_, label) = taken_apart(house.infer("thirds", raw, {JSON_LENGTH: "0"}))
    assert said["outputs"][0]["shape"] == [1, 3]
    assert label == b"\3\0\0\0low"


def test_the_best_classes_are_told_with_score_place_and_label(house: House) -> None:
    outputs = [{"name": "scores", "parameters": {"classification": 2}}]
    (said,) = told(house.infer("thirds", {"inputs": [CLIP], "outputs": outputs}))["outputs"]
    assert said == {
        "name": "scores",
        "datatype": "BYTES",
        "shape": [1, 2],
        "data": ["0.700000:1:low", "0.200000:2:mid"],
    }
    assert LABELS[1] == "low"


@pytest.mark.parametrize(("allowed", "first"), [(True, "nan"), (False, "None")])
def test_what_is_no_number_is_a_token_or_null(allowed: bool, first: str) -> None:
    clip = tensor("samples", "FP32", [[float("nan"), float("inf"), 1.0]])
    with built(json_nan=allowed) as house:
        reply = house.infer("thirds", {"inputs": [clip]})
    assert str(told(reply)["outputs"][0]["data"][0]) == first


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"inputs": None}, "'inputs' is no list"),
        ({"inputs": []}, "'inputs' is missing"),
        ({"inputs": [3]}, "'inputs' is no list of objects"),
        ({"inputs": [{}]}, "no 'name'"),
        ({"inputs": [CLIP, CLIP]}, "is there twice"),
        ({"inputs": [{**CLIP, "name": 3}]}, "no 'name'"),
        ({"inputs": [{**CLIP, "name": "n" * 2000}]}, "no 'name'"),
        ({"inputs": [{**CLIP, "name": "other"}]}, "unexpected inference input 'other'"),
        ({"inputs": [{**CLIP, "datatype": "BF16"}]}, "'datatype' is none of"),
        ({"inputs": [{**CLIP, "datatype": [[]]}]}, "'datatype' is none of"),
        ({"inputs": [{**CLIP, "datatype": "FP64"}]}, "data-type is 'FP64', but model 'thirds'"),
        ({"inputs": [{**CLIP, "shape": [4]}]}, "Expected [-1, -1], got [4]"),
        ({"inputs": [{**CLIP, "shape": [0, 4], "data": []}]}, "got [0, 4]"),
        ({"inputs": [{**CLIP, "shape": [1, 5]}]}, "wants 5"),
        ({"inputs": [{**CLIP, "parameters": 3}]}, "'parameters' is no object"),
        ({"inputs": [{**CLIP, "parameters": {"binary_data_size": 1}}]}, "'binary_data_size'"),
        ({"inputs": [{**CLIP, "parameters": {"binary_data_size": -1}}]}, "'binary_data_size'"),
        ({"inputs": [{**CLIP, "parameters": {"binary_data_size": "0"}}]}, "'binary_data_size'"),
        ({"outputs": [{"name": "other"}]}, "unexpected inference output 'other'"),
        ({"outputs": {}}, "'outputs' is no list"),
        ({"outputs": [{"name": "label", "parameters": {"binary_data": 1}}]}, "'binary_data'"),
        ({"outputs": [{"name": "label", "parameters": {"classification": -1}}]}, "classes"),
        ({"outputs": [{"name": "label", "parameters": {"classification": 1}}]}, "for numbers"),
        ({"id": 3}, "'id' is no string"),
        ({"parameters": []}, "'parameters' is no object"),
        ({"parameters": {"binary_data_output": "yes"}}, "'binary_data_output'"),
        ({"parameters": {"timeout": -1}}, "'timeout'"),
        ({"parameters": {"signature_name": "other"}}, '"other" not found'),
        ({"parameters": {"signature_name": 3}}, "'signature_name' is no string"),
    ],
)
def test_a_request_with_a_mistake_is_told_of_it(
    house: House, changes: dict[str, Any], message: str
) -> None:
    reply = house.infer("thirds", {"inputs": [CLIP], **changes})
    assert reply.status == 400
    assert message in error(reply)
    assert reply.model == "thirds"


@pytest.mark.parametrize("timeout", [0, 5_000_000, "5000000", 10**400])
def test_a_timeout_is_in_microseconds_and_none_is_too_long(house: House, timeout: object) -> None:
    body = {"inputs": [CLIP], "parameters": {"timeout": timeout}}
    assert house.infer("thirds", body).status == 200


def test_a_request_that_the_model_refuses_is_refused(house: House) -> None:
    reply = house.infer("thirds", {"inputs": [tensor("samples", "FP32", [[1.0, 2.0]])]})
    assert (reply.status, error(reply)) == (400, "too short")


def test_a_fault_of_the_model_is_raised_for_the_front_to_log(house: House) -> None:
    with pytest.raises(RuntimeError, match="the beast"):
        house.infer("thirds", {"inputs": [tensor("samples", "FP32", [[666.0, 0.0, 0.0]])]})


def test_shared_memory_is_not_supported(house: House) -> None:
    clip = {**CLIP, "parameters": {"shared_memory_region": "r"}}
    assert house.infer("thirds", {"inputs": [clip]}).status == 501


def test_several_inputs_are_asked_for_by_name(house: House) -> None:
    given = [CLIP, tensor("pcm", "BYTES", ["x"])]
    reply = house.infer("thirds", {"inputs": given})
    assert "unexpected inference input 'pcm'" in error(reply)


@pytest.mark.parametrize("length", ["-1", "x", "", "99999", "1e1", "٣", "9" * 5000])
def test_a_header_that_does_not_fit_the_body_is_refused(house: House, length: str) -> None:
    reply = house.infer("thirds", {"inputs": [CLIP]}, {JSON_LENGTH: length})
    assert reply.status == 400
    assert JSON_LENGTH in error(reply)


def test_bytes_that_belong_to_nothing_are_refused(house: House) -> None:
    reply = house.infer("thirds", *binary({"inputs": [CLIP]}, b"more"))
    assert "4 bytes of binary data belong to no input" in error(reply)


@given(body=some.binary(max_size=200), length=some.none() | some.integers(0, 200))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
def test_garbage_is_refused_and_never_a_fault(
    house: House, body: bytes, length: int | None
) -> None:
    headers = {} if length is None else {JSON_LENGTH: str(length)}
    reply = house.infer("thirds", body, headers)
    assert reply.status in (200, 400)


JSON_VALUES = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    part=some.sampled_from(["name", "datatype", "shape", "data", "parameters"]), value=JSON_VALUES
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
def test_no_value_anywhere_in_an_input_is_a_fault(house: House, part: str, value: Any) -> None:
    reply = house.infer("thirds", {"inputs": [{**CLIP, part: value}]})
    assert reply.status in (200, 400)


@given(part=some.sampled_from(["id", "inputs", "outputs", "parameters"]), value=JSON_VALUES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
def test_no_value_anywhere_in_a_request_is_a_fault(house: House, part: str, value: Any) -> None:
    reply = house.infer("thirds", {"inputs": [CLIP], part: value})
    assert reply.status in (200, 400)


def test_the_configuration_is_that_of_triton(house: House) -> None:
    said = house.get("/v2/models/thirds/config")
    assert said["max_batch_size"] == 32
    assert said["input"] == [{"name": "samples", "data_type": "TYPE_FP32", "dims": [-1]}]
    assert said["output"][1] == {
        "name": "label", "data_type": "TYPE_STRING", "dims": [1], "reshape": {"shape": []},
    }  # fmt: skip
    assert said["parameters"]["labels"] == {"string_value": "high,low,mid"}
    assert house.get("/v2/models/same/config")["max_batch_size"] == 0


def test_the_statistics_count_what_was_run() -> None:
    with built() as house:
        (before,) = house.get("/v2/models/thirds/versions/3/stats")["model_stats"]
        assert (before["inference_count"], before["last_inference"]) == (0, 0)
        two = tensor("samples", "FP32", [[0.1, 0.7, 0.2], [0.1, 0.2, 0.7]])
        for _ in range(3):
            told(house.infer("thirds", {"inputs": [two]}))
        (after,) = house.get("/v2/models/thirds/versions/3/stats")["model_stats"]
        everything = house.get("/v2/models/stats")["model_stats"]
    assert (after["inference_count"], after["execution_count"]) == (6, 3)
    assert after["inference_stats"]["success"]["count"] == 3
    assert [sizes["batch_size"] for sizes in after["batch_stats"]] == [2]
    assert [(entry["name"], entry["version"]) for entry in everything] == [
        ("same", "1"), ("thirds", "1"), ("thirds", "3"),
    ]  # fmt: skip


def test_models_are_let_go_and_loaded_again() -> None:
    def index(body: object = b"") -> list[tuple[str, str]]:
        reply = house.ask("POST", "/v2/repository/index", body)
        return [(entry["name"], entry["state"]) for entry in told(reply)]

    everything = [("same", "READY"), ("thirds", "READY"), ("thirds", "READY")]
    with built() as house:
        assert index() == everything
        body = {"parameters": {"unload_dependents": False}}
        assert house.ask("POST", "/v2/repository/models/same/unload", body).status == 200
        assert index({"ready": True}) == everything[1:]
        reply = house.infer("same", {"inputs": [tensor("FP32", "FP32", [1.0])]})
        assert (reply.status, "no available versions" in error(reply)) == (404, True)
        assert house.ask("POST", "/v2/repository/models/same/load", {}).status == 200
        assert index() == everything


def test_a_model_is_not_loaded_with_another_configuration(house: House) -> None:
    for parameters in ({"config": "{}"}, {"file:1/model.onnx": "AA=="}):
        reply = house.ask("POST", "/v2/repository/models/same/load", {"parameters": parameters})
        assert reply.status == 501


@pytest.mark.parametrize("body", [b"[]", b"{", {"ready": 1}])
def test_an_index_is_asked_for_properly(house: House, body: object) -> None:
    assert house.ask("POST", "/v2/repository/index", body).status == 400


@pytest.mark.parametrize("word", ["load", "unload"])
def test_what_does_not_exist_is_neither_loaded_nor_let_go(house: House, word: str) -> None:
    reply = house.ask("POST", f"/v2/repository/models/other/{word}")
    assert (reply.status, "other" in error(reply)) == (404, True)
