"""Text protobuf: what TensorFlow Serving's own files may look like, and what is wrong with others."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sonant.errors import ServeError
from sonant.serving import textproto

WHERE = Path("models.config")

SAME = {
    "plain": "model_config_list { config { name: 'a' base_path: '/m/a' } }",
    "colons before braces": 'model_config_list: { config: { name: "a", base_path: "/m/a" }, },',
    "angles and semicolons": 'model_config_list < config < name: "a"; base_path: "/m/a" > >',
    "a list of messages": "model_config_list { config: [ { name: 'a' base_path: '/m/a' } ] }",
    "strings in pieces": "model_config_list { config { name: 'a' base_path: '/m' \"/a\" } }",
    "comments": "# one\nmodel_config_list { # two\n config { name: 'a' base_path: '/m/a' } }",
    "carriage returns": "model_config_list {\r\n config { name: 'a'\r\n base_path: '/m/a' } }\r\n",
}

WRONG = {
    "garbage": ("improperly formatted file", "1:1", 'no field named "improperly"'),
    "an unknown field": ("model_config_list {\n config { nme: 'a' } }", "2:11", '"nme"'),
    "a field twice": ("model_config_list { config { name: 'a' name: 'b' } }", "1:", '"name"'),
    "a missing brace": ("model_config_list {\n config { name: 'a' }\n", "", 'Expected "}"'),
    "a number as a name": ("model_config_list { config { name: 3 } }", "1:", "string"),
    "a string without an end": ("model_config_list { config { name: 'a } }", "1:", "quote"),
    "two policies": (
        "model_config_list { config { model_version_policy { all {}\nlatest { } } } }",
        "2:1",
        'oneof "policy_choice"',
    ),
    "a version of 65 bits": (
        "model_config_list { config { version_labels { key: 'a' value: 9223372036854775808 } } }",
        "1:",
        "out of range",
    ),
    "bytes that are no text": (r"model_config_list { config { name: '\xff' } }", "1:", "utf-8"),
}


@pytest.mark.parametrize("text", SAME.values(), ids=SAME)
def test_every_way_to_write_it_is_read_the_same(text: str) -> None:
    message = textproto.parse(text, "ModelServerConfig", where=WHERE)
    (model,) = message.model_config_list.config
    assert (model.name, model.base_path) == ("a", "/m/a")


def test_maps_and_lists_may_be_written_short() -> None:
    text = """
        version_labels: [{ key: 'stable' value: 1 }, { key: 'canary' value: 2 }]
        model_version_policy: { specific: { versions: [1, 2] versions: 3 } }
    """
    message = textproto.parse(text, "ModelConfig", where=WHERE)
    assert dict(message.version_labels) == {"stable": 1, "canary": 2}
    assert list(message.model_version_policy.specific.versions) == [1, 2, 3]


@pytest.mark.parametrize(("text", "place", "core"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_told_with_file_line_and_column(text: str, place: str, core: str) -> None:
    with pytest.raises(ServeError) as caught:
        textproto.parse(text, "ModelServerConfig", where=WHERE)
    message = str(caught.value)
    assert message.startswith(f"{WHERE}:{place}")
    assert "Error parsing text-format tensorflow.serving.ModelServerConfig: " in message
    assert core in message


def test_fields_have_the_numbers_of_tensorflow_serving() -> None:
    text = "name: 'a' model_version_policy { specific { versions: 5 } } version_labels { key: 'b' value: 6 }"
    message = textproto.parse(text, "ModelConfig", where=WHERE)
    # 1: "a"; 7: {102: {1: [5]}}; 8: {1: "b", 2: 6}.
    wire = b"\x0a\x01a" + b"\x3a\x06\xb2\x06\x03\x0a\x01\x05" + b"\x42\x05\x0a\x01b\x10\x06"
    assert message.SerializeToString(deterministic=True) == wire


@pytest.mark.parametrize("kind", textproto.MESSAGES)
def test_every_message_of_the_schema_can_be_made_and_read_back(kind: str) -> None:
    assert textproto.parse("", kind, where=WHERE) == textproto.message_class(kind)()


def test_the_other_files_of_a_server_are_read(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("\ufeffmax_batch_size { value: 128 } allowed_batch_sizes: [1, 128]")
    batching = textproto.read(file, "BatchingParameters")
    assert batching.max_batch_size.value == 128
    assert not batching.HasField("num_batch_threads")
    file.write_text('prometheus_config { enable: true path: "/metrics" }')
    assert textproto.read(file, "MonitoringConfig").prometheus_config.path == "/metrics"
    file.write_text('server_key: "k" server_cert: "c" client_verify: false')
    assert textproto.read(file, "SSLConfig").server_cert == "c"


def test_a_file_that_is_not_there_or_no_text_is_named(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    with pytest.raises(ServeError, match=r"a\.txt: cannot be read"):
        textproto.read(file, "SSLConfig")
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ServeError, match=r"a\.txt: cannot be read"):
        textproto.read(file, "SSLConfig")


WORDS = """model_config_list config name base_path model_type TENSORFLOW version_labels key value latest
    all specific versions num_versions sampling_config sampling_rate 0 -1 08 1e9 nan inf 0x 1.5f
    99999999999999999999 : { } < > [ ] , ; # ' " \\ 'a' "b" '\\xff' '\\q' '\\u12'"""
TOKENS = st.sampled_from((*WORDS.split(), "\n", "\0", "\ud800", "\u0661", "9" * 5000))


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.lists(TOKENS, max_size=30).map(" ".join), st.text(max_size=80)))
def test_whatever_a_file_says_the_only_error_is_ours(text: str) -> None:
    try:
        message = textproto.parse(text, "ModelServerConfig", where=WHERE)
    except ServeError:
        return
    again = textproto.message_class("ModelServerConfig").FromString(message.SerializeToString())
    assert again == message
