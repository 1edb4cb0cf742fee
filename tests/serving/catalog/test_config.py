"""models.config as TensorFlow Serving means it, and the two liberties that are taken with it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sonant.errors import ServeError
from sonant.serving.catalog import All, Latest, ServerConfig, Specific, parse_config, read_config
from sonant.serving.catalog.config import refuse_platform_changes
from sonant.serving.status import Refusal

WHERE = Path("/etc/sonant/models.config")


def models(*configs: str, strict: bool = False) -> ServerConfig:
    text = "model_config_list {" + " ".join(f"config {{ {text} }}" for text in configs) + "}"
    return parse_config(text, where=WHERE, strict=strict)


def model(text: str) -> str:
    return f"name: 'a' base_path: '/m/a' model_platform: 'tensorflow' {text}"


def test_a_whole_file_of_tensorflow_serving_loads_unchanged(tmp_path: Path) -> None:
    file = tmp_path / "models.config"
    file.write_text(
        """model_config_list: {
             config: { name: "MNIST", base_path: "/models/MNIST", model_platform: "tensorflow" },
             config: { name: "SPEECH", base_path: "/models/SPEECH", model_platform: "tensorflow",
               model_version_policy { specific { versions: 42 versions: 43 } }
               version_labels { key: 'stable' value: 42 } version_labels { key: 'canary' value: 43 } },
           }"""
    )
    first, second = read_config(file, strict=True).models
    assert (first.name, first.base_path, first.platform) == (
        "MNIST",
        Path("/models/MNIST"),
        "tensorflow",
    )
    assert first.policy == Latest(count=1)
    assert second.policy == Specific(versions=(42, 43))
    assert second.labels == {"stable": 42, "canary": 43}


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        ("", Latest(count=1)),
        ("model_version_policy {}", Latest(count=1)),
        ("model_version_policy { latest {} }", Latest(count=1)),
        ("model_version_policy { latest { num_versions: 0 } }", Latest(count=1)),
        ("model_version_policy { latest { num_versions: 2 } }", Latest(count=2)),
        ("model_version_policy { all {} }", All()),
        ("model_version_policy { specific { versions: [2, 1] } }", Specific(versions=(2, 1))),
    ],
)
def test_policies_are_read(text: str, policy: object) -> None:
    (found,) = models(model(text)).models
    assert found.policy == policy


def test_an_empty_file_serves_nothing() -> None:
    assert parse_config("", where=WHERE) == ServerConfig()


def test_a_relative_path_starts_at_the_file_and_the_platform_may_be_left_out() -> None:
    (found,) = models("name: 'a' base_path: 'models/./a'").models
    assert found.base_path == Path("/etc/sonant/models/a")
    assert found.platform == ""


@pytest.mark.parametrize("path", ["../a", "models/../../a", ".."])
def test_a_relative_path_out_of_the_files_folder_is_refused(path: str) -> None:
    with pytest.raises(ServeError, match="leads out of /etc/sonant"):
        models(f"name: 'a' base_path: '{path}'")


def test_strictly_a_path_is_absolute_and_a_platform_is_named() -> None:
    with pytest.raises(ServeError, match="Expected model a to have an absolute path or URI"):
        models("name: 'a' base_path: 'm/a' model_platform: 'tensorflow'", strict=True)
    with pytest.raises(
        ServeError, match=r"Illegal setting neither .*model_platform, model name is a"
    ):
        models("name: 'a' base_path: '/m/a'", strict=True)
    (found,) = models("name: 'a' base_path: '/m/a' model_type: TENSORFLOW", strict=True).models
    assert found.platform == "tensorflow"


@pytest.mark.parametrize(
    ("text", "core"),
    [
        ("base_path: '/m'", "no name"),
        ("name: 'a'", "Expected model a to have an absolute path"),
        ("name: 'a' base_path: '/m/\\0'", "Expected model a to have an absolute path"),
        ("name: 'a' base_path: 's3://bucket/a'", "no folder of this machine"),
        (model("model_type: TENSORFLOW"), "Illegal setting both"),
        ("name: 'a' base_path: '/m' model_type: OTHER", "model_type of model a is not supported"),
        ("name: 'a' base_path: '/m' model_type: 7", "model_type of model a is not supported"),
        (model("model_version_policy { specific {} }"), "names no version"),
        (model("version_labels { value: 3 }"), "has no key"),
    ],
)
def test_what_no_model_can_be_is_refused_by_name(text: str, core: str) -> None:
    with pytest.raises(ServeError, match=r"/etc/sonant/models\.config: ") as caught:
        models(text)
    assert core in str(caught.value)


def test_a_model_is_listed_once() -> None:
    with pytest.raises(ServeError, match="Illegal to list model a multiple times in config list"):
        models(model(""), model(""))


def test_a_live_model_keeps_its_platform() -> None:
    before, after = models(model("")), models("name: 'a' base_path: '/m/a' model_platform: 'other'")
    with pytest.raises(Refusal) as caught:
        refuse_platform_changes(before, after)
    assert str(caught.value) == (
        "Illegal to change a model's platform. For model a platform was tensorflow "
        "and new platform requested is other"
    )


def test_our_platform_and_tensorflows_are_one_unless_strict() -> None:
    before, after = models(model("")), models("name: 'a' base_path: '/m/a'")
    refuse_platform_changes(before, after)
    with pytest.raises(Refusal, match="platform was tensorflow and new platform requested is "):
        refuse_platform_changes(before, after, strict=True)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=20), st.text(max_size=20), st.integers(-(2**63), 2**63 - 1))
def test_any_names_and_paths_load_or_are_refused(name: str, path: str, version: int) -> None:
    def quoted(text: str) -> str:
        octal = (f"\\{byte:03o}" for byte in text.encode("utf-8", "surrogatepass"))
        return f'"{"".join(octal)}"'

    text = f"name: {quoted(name)} base_path: {quoted(path)} version_labels {{ key: 'l' value: {version} }}"
    try:
        (found,) = models(text).models
    except ServeError:
        return
    assert found.name == name
    assert found.base_path.is_absolute()
    assert found.labels == {"l": version}
