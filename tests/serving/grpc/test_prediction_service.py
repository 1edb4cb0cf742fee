"""PredictionService over a socket: replies, refusals and their texts are TensorFlow Serving's."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from serving.grpc.caller import Caller, examples, fill, predict, serving
from serving.grpc.half_plus_two import HalfPlusTwo
from sonant.serving.grpc.protos import message


def run(check: Callable[[Caller], Awaitable[None]], **how: Any) -> None:
    async def main() -> None:
        async with serving(**how) as caller:
            await check(caller)

    asyncio.run(main())


def test_predict_answers_with_values_and_says_who_answered() -> None:
    async def check(call: Caller) -> None:
        reply = await call("Predict", predict(2.0, 3.0))
        assert list(reply.outputs) == ["y"]
        assert list(reply.outputs["y"].float_val) == [3.0, 3.5]
        assert reply.outputs["y"].dtype == 1
        assert [dim.size for dim in reply.outputs["y"].tensor_shape.dim] == [2]
        spec = reply.model_spec
        assert (spec.name, spec.version.value) == ("half_plus_two", 123)
        assert spec.signature_name == "serving_default"

    run(check)


def test_raw_content_is_taken_and_only_the_outputs_asked_for_come_back() -> None:
    async def check(call: Caller) -> None:
        request = predict(shape=[2, 1], signature_name="with_copy")
        request.inputs["x"].tensor_content = b"\0\0\0\x40\0\0\x40\x40"
        both = await call("Predict", request)
        assert sorted(both.outputs) == ["x_copy", "y"]
        request.output_filter.append("x_copy")
        one = await call("Predict", request)
        assert list(one.outputs) == ["x_copy"]
        assert list(one.outputs["x_copy"].float_val) == [2.0, 3.0]
        assert one.model_spec.signature_name == "with_copy"

    run(check)


def test_strings_go_in_and_out() -> None:
    async def check(call: Caller) -> None:
        request = message("PredictRequest")()
        request.model_spec.name, request.model_spec.signature_name = "half_plus_two", "words"
        fill(request.inputs["word"], "DT_STRING", [2], [b"yes", b"\xff"])
        reply = await call("Predict", request)
        assert list(reply.outputs["word"].string_val) == [b"yes", b"\xff"]

    run(check)


def test_versions_and_labels_choose_who_answers() -> None:
    async def check(call: Caller) -> None:
        async def version(**spec: Any) -> int:
            request = predict(2.0)
            for key, value in spec.items():
                if key == "version":
                    request.model_spec.version.value = value
                else:
                    request.model_spec.version_label = value
            number: int = (await call("Predict", request)).model_spec.version.value
            return number

        assert await version() == 2
        assert await version(version=1) == 1
        assert await version(label="stable") == 1

    models = {("half_plus_two", 1): HalfPlusTwo(), ("half_plus_two", 2): HalfPlusTwo()}
    run(check, models=models, labels={"stable": 1, "canary": 2})


def asking(**spec: Any) -> Any:
    request = predict(2.0, **{key: value for key, value in spec.items() if key != "version"})
    if "version" in spec:
        request.model_spec.version.value = spec["version"]
    return request


def renamed(name: str) -> Any:
    request = predict(2.0)
    request.inputs[name].CopyFrom(request.inputs["x"])
    del request.inputs["x"]
    return request


def filtered(*names: str) -> Any:
    request = predict(2.0)
    request.output_filter.extend(names)
    return request


def of_type(dtype: str, *values: Any) -> Any:
    request = predict()
    request.inputs["x"].Clear()
    fill(request.inputs["x"], dtype, [len(values)], values)
    return request


def without_inputs() -> Any:
    request = asking(version=123)
    request.inputs.clear()
    return request


def with_extra() -> Any:
    request = renamed("z")
    request.inputs["a"].CopyFrom(request.inputs["z"])
    return request


@pytest.mark.parametrize(
    ("request_", "code", "text"),
    [
        (message("PredictRequest")(), "INVALID_ARGUMENT", "Missing ModelSpec"),
        (asking(name=""), "INVALID_ARGUMENT", "ModelSpec has no name specified."),
        (asking(name="foo"), "NOT_FOUND", "Servable not found for request: Latest(foo)"),
        (
            asking(version=99),
            "NOT_FOUND",
            "Servable not found for request: Specific(half_plus_two, 99)",
        ),
        (
            asking(version_label="nope"),
            "INVALID_ARGUMENT",
            "Unrecognized servable version label: nope",
        ),
        (
            asking(signature_name="bogus"),
            "FAILED_PRECONDITION",
            'Serving signature key "bogus" not found.',
        ),
        (
            without_inputs(),
            "INVALID_ARGUMENT",
            "input size does not match signature: 0!=1 len({}) != len({x}). Sent extra: {}. "
            "Missing but required: {x}.",
        ),
        (
            with_extra(),
            "INVALID_ARGUMENT",
            "input size does not match signature: 2!=1 len({a,z}) != len({x}). Sent extra: {a,z}. "
            "Missing but required: {x}.",
        ),
        (
            renamed("key"),
            "INVALID_ARGUMENT",
            "Signature input alias: x(feed name: x:0) not found in request and no default value "
            "provided. Inputs expected to be in the request {key}, or default input alias set: ",
        ),
        (
            of_type("DT_INT64", 1),
            "INVALID_ARGUMENT",
            "Expects arg[0] to be float but int64 is provided",
        ),
        (
            filtered("nope"),
            "INVALID_ARGUMENT",
            "output tensor alias not found in signature: nope Outputs expected to be in the set {y}.",
        ),
        (filtered("y", "y"), "INVALID_ARGUMENT", "duplicate output tensor alias: y"),
        (
            predict(2.0, shape=[-1]),
            "INVALID_ARGUMENT",
            "tensor parsing error: x: shape [-1] has a negative size",
        ),
        (predict(13.0), "INVALID_ARGUMENT", "13 is not taken"),
    ],
)
def test_predict_refuses_with_tensorflow_servings_words(
    request_: Any, code: str, text: str
) -> None:
    async def check(call: Caller) -> None:
        assert await call.refused("Predict", request_) == (code, text)

    run(check)


def test_classify_gives_labels_and_scores_for_each_example() -> None:
    async def check(call: Caller) -> None:
        request = examples("ClassificationRequest", 2.0, 4.0, signature="classify_x_to_y")
        reply = await call("Classify", request)
        found = [
            [(one.label, one.score) for one in row.classes] for row in reply.result.classifications
        ]
        assert found == [[("half", 3.0)], [("half", 4.0)]]
        assert reply.model_spec.signature_name == "classify_x_to_y"

    run(check)


def test_regress_gives_a_number_for_each_example() -> None:
    async def check(call: Caller) -> None:
        reply = await call(
            "Regress", examples("RegressionRequest", 2.0, 4.0, signature="regress_x_to_y")
        )
        assert [one.value for one in reply.result.regressions] == [3.0, 4.0]

    run(check)


@pytest.mark.parametrize(
    ("signature", "feature", "text"),
    [
        ("x", "x", "No signature was found with the name: x"),
        ("classify_x_to_y", "y", "Feature: x (data type: float) is required"),
        ("regress_x_to_y", "x", "signature method_name to be tensorflow/serving/classify. Was: "),
    ],
)
def test_classify_refuses_what_cannot_be_classified(
    signature: str, feature: str, text: str
) -> None:
    async def check(call: Caller) -> None:
        request = examples("ClassificationRequest", 2.0, signature=signature, feature=feature)
        code, found = await call.refused("Classify", request)
        assert code == "INVALID_ARGUMENT"
        assert text in found

    run(check)


def several(*tasks: tuple[str, str], name: str = "half_plus_two") -> Any:
    request = message("MultiInferenceRequest")()
    for signature, method in tasks:
        task = request.tasks.add(method_name=f"tensorflow/serving/{method}")
        task.model_spec.name, task.model_spec.signature_name = name, signature
    example = request.input.example_list.examples.add()
    example.features.feature["x"].float_list.value.append(2.0)
    return request


def test_multi_inference_answers_every_task_in_their_order() -> None:
    async def check(call: Caller) -> None:
        reply = await call(
            "MultiInference",
            several(("regress_x_to_y", "regress"), ("classify_x_to_y", "classify")),
        )
        regressed, classified = reply.results
        assert regressed.regression_result.regressions[0].value == 3.0
        assert classified.classification_result.classifications[0].classes[0].score == 3.0
        assert classified.model_spec.signature_name == "classify_x_to_y"
        assert classified.model_spec.version.value == 123

    run(check)


@pytest.mark.parametrize(
    ("request_", "code", "text"),
    [
        (several(), "INVALID_ARGUMENT", "ModelSpec has no name specified."),
        (
            several(("regress_x_to_y", "regress"), ("regress_x_to_y", "regress")),
            "INVALID_ARGUMENT",
            "Duplicate evaluation of signature: regress_x_to_y",
        ),
        (
            several(("nope", "regress")),
            "INVALID_ARGUMENT",
            "Requested signature not found in model graph: nope",
        ),
        (
            several(("regress_x_to_y", "predict")),
            "UNIMPLEMENTED",
            "Unsupported signature method_name: tensorflow/serving/predict",
        ),
        (
            several(("regress_x_to_y", "regress"), name="foo"),
            "NOT_FOUND",
            "Servable not found for request: Latest(foo)",
        ),
    ],
)
def test_multi_inference_refuses_as_tensorflow_serving(request_: Any, code: str, text: str) -> None:
    async def check(call: Caller) -> None:
        assert await call.refused("MultiInference", request_) == (code, text)

    run(check)


def test_metadata_holds_every_signature_in_an_any() -> None:
    async def check(call: Caller) -> None:
        request = message("GetModelMetadataRequest")(metadata_field=["signature_def"])
        request.model_spec.name = "half_plus_two"
        reply = await call("GetModelMetadata", request)
        packed = reply.metadata["signature_def"]
        assert packed.type_url == "type.googleapis.com/tensorflow.serving.SignatureDefMap"
        signatures = message("SignatureDefMap").FromString(packed.value).signature_def
        default = signatures["serving_default"]
        assert default.method_name == "tensorflow/serving/predict"
        assert default.inputs["x"].name == "x:0"
        assert [dim.size for dim in default.inputs["x"].tensor_shape.dim] == [-1, 1]
        assert signatures["regress_x_to_y"].method_name == "tensorflow/serving/regress"
        assert reply.model_spec.version.value == 123

    run(check)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ([], "GetModelMetadataRequest must specify at least one metadata_field"),
        (["foo"], "Metadata field foo is not supported"),
    ],
)
def test_metadata_knows_one_field(fields: list[str], text: str) -> None:
    async def check(call: Caller) -> None:
        request = message("GetModelMetadataRequest")(metadata_field=fields)
        request.model_spec.name = "half_plus_two"
        assert await call.refused("GetModelMetadata", request) == ("INVALID_ARGUMENT", text)

    run(check)
