"""The build backend that pyproject.toml names: setuptools', after the browser's scripts are bundled."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import build_web
from setuptools import build_meta
from setuptools.build_meta import prepare_metadata_for_build_editable, prepare_metadata_for_build_wheel

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_editable",
    "prepare_metadata_for_build_wheel",
]

Settings = Mapping[str, Any] | None


def get_requires_for_build_wheel(config_settings: Settings = None) -> list[str]:
    """Return what setuptools needs, and Node where it is missing."""
    return [*build_meta.get_requires_for_build_wheel(config_settings), *build_web.requirements()]


def get_requires_for_build_editable(config_settings: Settings = None) -> list[str]:
    """Return what setuptools needs, and Node where it is missing."""
    return [*build_meta.get_requires_for_build_editable(config_settings), *build_web.requirements()]


def get_requires_for_build_sdist(config_settings: Settings = None) -> list[str]:
    """Return what setuptools needs, and Node where it is missing."""
    return [*build_meta.get_requires_for_build_sdist(config_settings), *build_web.requirements()]


def build_wheel(wheel_directory: str, config_settings: Settings = None, metadata_directory: str | None = None) -> str:
    """Build the wheel, with the bundles in it."""
    _bundle()
    return build_meta.build_wheel(wheel_directory, config_settings, metadata_directory)


def build_editable(
    wheel_directory: str, config_settings: Settings = None, metadata_directory: str | None = None
) -> str:
    """Build what pip installs for ``--editable``; the bundles lie in the checkout."""
    _bundle()
    return build_meta.build_editable(wheel_directory, config_settings, metadata_directory)


def build_sdist(sdist_directory: str, config_settings: Settings = None) -> str:
    """Build the archive of the sources, with the bundles, so that a wheel of it needs no Node."""
    _bundle()
    return build_meta.build_sdist(sdist_directory, config_settings)


def _bundle() -> None:
    if not build_web.is_wanted():
        return
    try:
        build_web.build()
    except build_web.BuildError as error:
        sys.exit(f"rmlab: {error}")
