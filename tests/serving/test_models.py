"""What a server begins with, from all that people say."""

from __future__ import annotations

from pathlib import Path

import pytest

from bundles import write_bundle
from sonant.errors import ServeError
from sonant.serving.models import PROMETHEUS_PATH, configured, monitoring_path
from sonant.serving.options import Options

CONFIG = 'model_config_list { config { name: "a" base_path: "m" } }'


def test_a_folder_of_bundles(tmp_path: Path) -> None:
    write_bundle(tmp_path)
    _, config = configured(Options(), tmp_path)
    assert [model.name for model in config.models] == ["tones"]


@pytest.mark.parametrize("as_flag", [True, False])
def test_a_models_config_is_read_and_remembered(tmp_path: Path, as_flag: bool) -> None:
    file = tmp_path / "models.config"
    file.write_text(CONFIG)
    given = Options(model_config_file=file) if as_flag else Options()
    options, config = configured(given, None if as_flag else file)
    assert options.model_config_file == file
    assert [model.base_path for model in config.models] == [tmp_path / "m"]


def test_one_base_path_under_the_name_that_was_said(tmp_path: Path) -> None:
    options = Options(model_name="kws", model_base_path=str(tmp_path))
    (model,) = configured(options, None)[1].models
    assert (model.name, model.base_path) == ("kws", tmp_path)


@pytest.mark.parametrize(
    ("options", "models", "says"),
    [
        (Options(), None, "say what to serve"),
        (Options(model_base_path="/m"), Path("somewhere"), "leave one of them out"),
        (Options(model_base_path="m", strict_compat=True), None, "want an absolute path"),
        (Options(model_config_file=Path("/none.config")), None, "cannot be read"),
    ],
)
def test_what_is_missing_or_too_much_is_said(
    options: Options, models: Path | None, says: str
) -> None:
    with pytest.raises(ServeError) as refused:
        configured(options, models)
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ('prometheus_config { enable: true path: "/m" }', "/m"),
        ("prometheus_config { enable: true }", PROMETHEUS_PATH),
        ('prometheus_config { path: "/m" }', ""),
        ("", ""),
    ],
)
def test_a_monitoring_file_says_where_the_metrics_are(tmp_path: Path, text: str, path: str) -> None:
    file = tmp_path / "monitoring.config"
    file.write_text(text)
    assert monitoring_path(Options(monitoring_config_file=file)) == path
    assert monitoring_path(Options()) == ""
