"""The models of a server: found, loaded, warmed, swapped, watched, and held while a request runs."""

from __future__ import annotations

from sonant.serving.catalog.batching_file import batching_of
from sonant.serving.catalog.catalog import Catalog
from sonant.serving.catalog.config import (
    ModelConfig,
    ServerConfig,
    config_of,
    parse_config,
    read_config,
)
from sonant.serving.catalog.policies import All, Latest, Policy, Specific
from sonant.serving.catalog.shelf import config_of_folder
from sonant.serving.catalog.workshop import Loader

__all__ = [
    "All",
    "Catalog",
    "Latest",
    "Loader",
    "ModelConfig",
    "Policy",
    "ServerConfig",
    "Specific",
    "batching_of",
    "config_of",
    "config_of_folder",
    "parse_config",
    "read_config",
]
