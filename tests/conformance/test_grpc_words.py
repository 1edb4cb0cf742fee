"""The reader of the table's gRPC words: it reads more than the table says, and it can say no."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.grpc_cases import check


def case(method: str, body: str, status: str, expected: Any, *, model: str = "hpt") -> Any:
    service = "ModelService" if method in ("GetModelStatus", "HandleReloadConfigRequest") else ""
    return {
        "name": "a_case",
        "model": model,
        "request": {
            "method": f"gRPC {service or 'PredictionService'}/{method}",
            "path": "tensorflow.serving",
            "body": body,
        },
        "expect_status": status,
        "expect_body": expected,
        "match": "exact",
    }


GOOD = [
    case(
        "Predict",
        "model_spec{name: 'half_plus_two', version: 123} inputs { x: float [2, 1] 2.0 3.0 }",
        "OK",
        "outputs{y DT_FLOAT float_val [3.0, 3.5]} model_spec{version 123}",
    ),
    case("Predict", "inputs{x float [3] 2.0}", "OK", "outputs{y float_val [3.0, 3.0, 3.0]}"),
    case(
        "Predict",
        "inputs{x DT_FLOAT [1] tensor_content 00000040}",
        "OK",
        "outputs{y float_val [3]}",
    ),
    case("Predict", "... label prod", "OK", "outputs{y float_val [3]} model_spec{version 123}"),
    case("Predict", "version 2", "OK", "outputs{y float_val [4]}", model="hpt2v"),
    case(
        "Predict",
        "model_spec{name half_plus_two version 99} inputs{x float [1] 2.0}",
        "NOT_FOUND",
        "Servable not found for request: Specific(half_plus_two, 99)",
    ),
    case(
        "Predict",
        "model_spec{name half_plus_two version_label nope}",
        "INVALID_ARGUMENT",
        "Unrecognized servable version label: nope",
    ),
    case(
        "Predict",
        "inputs{a float [1] 1.5 b int32 [1] 7}",
        "OK",
        "outputs{a_out DT_FLOAT float_val [1.5] b_out{DT_INT32 int_val [7]}}",
        model="two_in",
    ),
    case("Regress", "signature regress_x_to_y, example x=2.0", "OK", "regressions[0].value 3.0"),
    case(
        "Regress",
        "examples [x=2.0, x=4.0]",
        "OK",
        "regressions[0].value 3.0 regressions[1].value 4",
    ),
    case(
        "Classify",
        "signature nope",
        "INVALID_ARGUMENT",
        "No signature was found with the name: nope",
    ),
    case(
        "Classify",
        "model_spec{name half_plus_two signature_name classify_x_to_y} input{x 2.0}",
        "OK",
        {"result": {"classifications": [{"classes": [{"score": 3.0}]}]}},
    ),
    case(
        "MultiInference",
        "tasks classify_x_to_y and regress_x_to_y, example x=2.0",
        "OK",
        "results[0].classification_result.classifications[0].classes[0].score 3.0 "
        "results[1].regression_result.regressions[0].value 3.0",
    ),
    case(
        "MultiInference",
        "tasks{model_spec{name half_plus_two signature_name regress_x_to_y} "
        "method_name 'tensorflow/serving/regress'} input{x 2.0}",
        "OK",
        "results[0].regression_result.regressions[0].value 3.0",
    ),
    case(
        "GetModelMetadata",
        "model_spec{name half_plus_two} metadata_field [signature_def]",
        "OK",
        "model_spec{name half_plus_two version 123} metadata{signature_def "
        "type.googleapis.com/tensorflow.serving.SignatureDefMap} tensorflow/serving/predict",
    ),
    case("GetModelMetadata", "{}", "INVALID_ARGUMENT", "Missing ModelSpec"),
    case(
        "GetModelStatus",
        "model_spec{name multi}",
        "OK",
        "model_version_status[0]{version 2 state AVAILABLE} model_version_status[1].state 30",
    ),
    case(
        "HandleReloadConfigRequest",
        "config{model_config_list{}}",
        "OK",
        "status.error_code 0",
    ),
    case(
        "HandleReloadConfigRequest",
        "config{model_config_list{config{name a base_path /m/a} config{name a base_path /m/b}}}",
        "INVALID_ARGUMENT",
        "Illegal to list model a multiple times in config list",
    ),
    case("SessionRun", "", "UNIMPLEMENTED", "Method not found!"),
]


@pytest.mark.parametrize("good", GOOD, ids=lambda good: good["request"]["body"][:40])
def test_what_it_reads_is_what_the_words_say(good: Any) -> None:
    check(good)


@pytest.mark.parametrize(
    ("body", "status", "expected"),
    [
        ("inputs{x float [1] 2.0}", "OK", "outputs{y DT_FLOAT float_val [3.5]}"),
        ("inputs{x float [1] 2.0}", "OK", "outputs{z DT_FLOAT float_val [3.0]}"),
        ("inputs{x float [1] 2.0}", "OK", "outputs{y DT_DOUBLE float_val [3.0]}"),
        ("inputs{x float [1] 2.0}", "OK", "model_spec{version 124}"),
        ("inputs{x float [1] 2.0}", "OK", "outputs{y float_val [3.0, 3.0]}"),
        ("inputs{x float [1] 2.0}", "NOT_FOUND", "Servable not found"),
        ("signature_name bogus", "OK", "outputs{y float_val [3.0]}"),
        ("signature_name bogus", "FAILED_PRECONDITION", "Serving signature key"),
        ("signature_name bogus", "INVALID_ARGUMENT", 'Serving signature key "bogus" not found.'),
    ],
)
def test_it_says_no_where_the_answer_is_another(body: str, status: str, expected: str) -> None:
    with pytest.raises(AssertionError):
        check(case("Predict", body, status, expected))
