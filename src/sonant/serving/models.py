"""Which models a server begins with: from a folder, a models.config, or one base path."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

from sonant.errors import ServeError
from sonant.serving import textproto
from sonant.serving.catalog import ModelConfig, ServerConfig, config_of_folder, read_config
from sonant.serving.options import Options

PROMETHEUS_PATH: Final = "/monitoring/prometheus/metrics"
"""TensorFlow Serving's own default."""


def configured(options: Options, models: Path | None) -> tuple[Options, ServerConfig]:
    """The models that are meant, and the options with their models.config where there is one.

    `models` is a folder of bundles, one bundle, a run folder, or a models.config; without it the flags
    say. As in TensorFlow Serving, a models.config makes --model_name and --model_base_path nothing.
    Raises `ServeError` where nothing, or more than one thing, was named.
    """
    if models and (options.model_config_file or options.model_base_path):
        raise ServeError(
            f"{models} was named, and a flag names models as well: leave one of them out"
        )
    if models and models.is_file():
        options = replace(options, model_config_file=models)
    if options.model_config_file:
        file = options.model_config_file
        return options, read_config(file, strict=options.strict_compat)
    if models:
        return options, config_of_folder(models)
    if options.model_base_path:
        base = Path(options.model_base_path)
        if options.strict_compat and not base.is_absolute():
            raise ServeError(f"--model_base_path {base}: want an absolute path")
        return options, ServerConfig(
            models=(ModelConfig(name=options.model_name, base_path=base.absolute()),)
        )
    raise ServeError("say what to serve: a folder of bundles, one bundle, or a models.config")


def monitoring_path(options: Options) -> str:
    """Where a monitoring file of TensorFlow Serving wants the metrics, "" where it does not.

    Raises `ServeError` where the file cannot be read.
    """
    if options.monitoring_config_file is None:
        return ""
    wanted = textproto.read(options.monitoring_config_file, "MonitoringConfig").prometheus_config
    path: str = wanted.path or PROMETHEUS_PATH
    return path if wanted.enable else ""
