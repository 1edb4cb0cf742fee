"""The folder that `sonant serve` is given, as a configuration: every bundle in it is a model."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Final

from sonant.card import FILE, Card
from sonant.errors import BundleError, ServeError
from sonant.serving.catalog.config import ModelConfig, ServerConfig
from sonant.serving.catalog.folders import number_of
from sonant.serving.catalog.policies import Specific

RUN: Final = "bundle"
"""Where a run folder keeps its bundle."""

_log: Final = logging.getLogger(__name__)


def config_of_folder(path: Path) -> ServerConfig:
    """The models in `path`: a folder of bundles, one bundle, one version of it, or a run folder.

    A folder of bundles has `<name>/<version>/bundle.json`; a bundle added to it later becomes a
    model then. Raises `ServeError` where there is none, saying what was looked for.
    """
    path = Path(os.path.abspath(path))
    if (path / FILE).is_file():
        return ServerConfig(models=(_version(path),))
    if _is_bundle(path):
        return ServerConfig(models=(ModelConfig(name=path.name, base_path=path),))
    for folder in (path, path / RUN):
        if models := _models(folder):
            return ServerConfig(models=models, folder=folder)
    what = "holds no bundle" if path.is_dir() else "there is no such folder"
    raise ServeError(
        f"{path}: {what}; looked for <name>/<version>/{FILE}, <version>/{FILE}, {FILE} and "
        f"{RUN}/<name>/<version>/{FILE}; `sonant demo` makes a bundle"
    )


def again(config: ServerConfig) -> ServerConfig:
    """The same configuration from what its folder holds now; itself where that is nothing."""
    if config.folder is None:
        return config
    before = config.by_name
    # What has been a model stays one, even while its folder is empty.
    models = {model.name: before.get(model.name, model) for model in _models(config.folder)}
    return ServerConfig(models=tuple((before | models).values()), folder=config.folder)


def _models(folder: Path) -> tuple[ModelConfig, ...]:
    if not folder.is_dir():
        return ()
    found = []
    for child in sorted(folder.iterdir()):
        if child.name.startswith(".") or not _is_bundle(child):
            continue
        if child.resolve().is_relative_to(folder.resolve()):
            found.append(ModelConfig(name=child.name, base_path=child))
        else:
            _log.debug("%s: leads out of %s, so it is not served", child, folder)
    return tuple(found)


def _is_bundle(path: Path) -> bool:
    """Whether one of the numbered folders in `path` has a card."""
    try:
        return path.is_dir() and any(
            number_of(child.name) is not None and (child / FILE).is_file()
            for child in path.iterdir()
        )
    except OSError as error:
        _log.debug("%s: cannot be looked into (%s), so it is not served", path, error)
        return False


def _version(path: Path) -> ModelConfig:
    number = number_of(path.name)
    if number is not None and path.parent.name:
        policy = Specific(versions=(number,))
        return ModelConfig(name=path.parent.name, base_path=path.parent, policy=policy)
    try:
        card = Card.read(path, verify=False)
    except BundleError as error:
        raise ServeError(f"{path}: cannot be served: {error}") from error
    return ModelConfig(name=card.name, base_path=path.parent, bundle=(card.version, path))
