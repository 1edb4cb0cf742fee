"""models.config: which models there are, where they lie, which versions, which labels.

Source of rules and texts: TensorFlow Serving, `model_server_config.proto` and `server_core.cc`.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, final

from sonant.errors import ServeError
from sonant.serving import textproto
from sonant.serving.catalog.policies import All, Latest, Policy, Specific
from sonant.serving.status import Code, Refusal, invalid

OUR_PLATFORMS: Final = frozenset({"", "sonant", "tensorflow"})
"""All mean the same here, so that a file written for TensorFlow Serving loads unchanged."""

_URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ModelConfig:
    """One model."""

    name: str
    base_path: Path
    """Absolute; holds one numbered folder for each version."""
    platform: str = ""
    policy: Policy = field(default_factory=Latest)
    labels: Mapping[str, int] = field(default_factory=dict)
    """Label -> version."""
    bundle: tuple[int, Path] | None = None
    """A single version outside of any base path; nothing else is looked for."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ServerConfig:
    """All models of a server."""

    models: tuple[ModelConfig, ...] = ()
    folder: Path | None = None
    """The folder of bundles that it was put together from; what is added there is found later."""

    @property
    def by_name(self) -> dict[str, ModelConfig]:
        """Name -> model."""
        return {model.name: model for model in self.models}


def parse_config(text: str, *, where: Path, strict: bool = False) -> ServerConfig:
    """The models that a text of models.config names; `where` is the file it is from.

    A relative base_path starts at the file's folder, and model_platform may be left out; with `strict` both
    are errors, as in TensorFlow Serving. Raises `ServeError` naming the line or the model.
    """
    try:
        return config_of(
            textproto.parse(text, "ModelServerConfig", where=where),
            home=Path(os.path.abspath(where)).parent,
            strict=strict,
        )
    except Refusal as refusal:
        raise ServeError(f"{where}: {refusal.message}") from refusal


def read_config(path: Path, *, strict: bool = False) -> ServerConfig:
    """The models of a file; raises `ServeError`, see `parse_config`."""
    return parse_config(textproto.text_of(path), where=path, strict=strict)


def config_of(message: Any, *, home: Path, strict: bool = False) -> ServerConfig:
    """The models that a `ModelServerConfig` names, also one of another library's classes.

    `home` is where relative paths start. Raises `Refusal` with TensorFlow Serving's texts.
    """
    models = list(message.model_config_list.config)
    for name, count in Counter(model.name for model in models).items():
        if count > 1:
            raise invalid(f"Illegal to list model {name} multiple times in config list")
    return ServerConfig(models=tuple(_model(model, home=home, strict=strict) for model in models))


def refuse_platform_changes(old: ServerConfig, new: ServerConfig, *, strict: bool = False) -> None:
    """Raise `Refusal` where a model of `old` has another platform in `new`."""
    before = old.by_name
    for model in new.models:
        then, now = before.get(model.name, model).platform, model.platform
        if then == now or (not strict and {then, now} <= OUR_PLATFORMS):
            continue
        raise Refusal(
            Code.FAILED_PRECONDITION,
            f"Illegal to change a model's platform. For model {model.name} platform was {then} "
            f"and new platform requested is {now}",
        )


def _model(message: Any, *, home: Path, strict: bool) -> ModelConfig:
    name = message.name
    if not name:
        raise invalid("a model of model_config_list has no name")
    return ModelConfig(
        name=name,
        base_path=_base_path(message, home=home, strict=strict),
        platform=_platform(message, strict=strict),
        policy=_policy(message),
        labels=_labels(message),
    )


def _base_path(message: Any, *, home: Path, strict: bool) -> Path:
    given = message.base_path
    path = Path(given)
    if _URI.match(given):
        raise invalid(f"base_path {given!r} of model {message.name} is no folder of this machine")
    if not given or "\0" in given or (strict and not path.is_absolute()):
        raise invalid(
            f"Expected model {message.name} to have an absolute path or URI; "
            f"got base_path()={given}"
        )
    if path.is_absolute():
        return path
    found = Path(os.path.normpath(home / path))
    if not found.is_relative_to(home):
        raise invalid(
            f"base_path {given!r} of model {message.name} leads out of {home}; "
            f"write the absolute path if that is meant"
        )
    return found


def _platform(message: Any, *, strict: bool) -> str:
    kind = textproto.MODEL_TYPES[message.model_type : message.model_type + 1]
    platform: str = message.model_platform
    if message.model_type and platform:
        raise invalid(
            "Illegal setting both ModelServerConfig::model_type (deprecated) "
            "and ModelServerConfig::model_platform."
        )
    if message.model_type and kind != ("TENSORFLOW",):
        raise invalid(f"ModelServerConfig::model_type of model {message.name} is not supported")
    if strict and not (message.model_type or platform):
        raise invalid(
            "Illegal setting neither ModelServerConfig::model_type (deprecated) nor "
            f"ModelServerConfig::model_platform, model name is {message.name}"
        )
    return "tensorflow" if message.model_type else platform


def _policy(message: Any) -> Policy:
    policy = message.model_version_policy
    choice = policy.WhichOneof("policy_choice")
    if choice == "all":
        return All()
    if choice == "specific":
        # None named would unload everything, which nobody means.
        if not policy.specific.versions:
            raise invalid(f"the policy `specific` of model {message.name} names no version")
        return Specific(versions=tuple(policy.specific.versions))
    return Latest(count=max(1, policy.latest.num_versions))


def _labels(message: Any) -> dict[str, int]:
    labels = dict(message.version_labels)
    if "" in labels:
        raise invalid(f"a version label of model {message.name} has no key")
    return labels
