"""Finding plugins: installed packages, a folder, and what a test hands over."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from ..config import Config, ConfigError
from .hookspecs import PROJECT

FOLDER_PACKAGE = "deploystack_plugin"
"""A file ``notes.py`` is imported as ``deploystack_plugin_notes``: nothing else is called so."""


@dataclass(frozen=True)
class Found:
    """A plugin that was found and is not imported yet.

    Attributes:
        label: what it is called until its metadata is known.
        origin: where it was found, for people.
        load: imports it and returns the module or object with its hooks.
        version: as far as it is known without importing anything.
    """

    label: str
    origin: str
    load: Callable[[], object]


def discover(config: Config, given: Sequence[object]) -> Iterator[Found]:
    """Yield every plugin: installed packages first, then those in the folder, then those given.

    Args:
        config: names the folder.
        given: modules, objects, classes, or names of modules.

    Raises:
        ConfigError: the folder cannot be read.
    """
    for entry in sorted(entry_points(group=PROJECT), key=lambda entry: entry.name):
        where = f"package {entry.dist.name}" if entry.dist else "an installed package"
        yield Found(entry.name, where, entry.load)
    if config.plugins_path:
        for path in _modules(config.plugins_path):
            yield Found(path.stem, str(path), _FileLoader(path))
    for plugin in given:
        yield Found(_label(plugin), "create_app(plugins=…)", _Given(plugin))


def _modules(folder: Path) -> list[Path]:
    try:
        paths = [path for path in sorted(folder.iterdir()) if path.name[0] not in "._"]
    except OSError as error:
        raise ConfigError(
            f"DEPLOYSTACK_PLUGINS_PATH cannot be used: {error.strerror}. Name a folder that this "
            "process may read."
        ) from None
    return [
        path
        for path in paths
        if (path.suffix == ".py" and path.is_file()) or (path / "__init__.py").is_file()
    ]


def _label(plugin: object) -> str:
    if isinstance(plugin, str):
        return plugin.rpartition(".")[2]
    name = getattr(plugin, "__name__", None) or type(plugin).__name__
    return str(name).rpartition(".")[2]


@dataclass(frozen=True)
class _Given:
    plugin: object

    def __call__(self) -> object:
        return importlib.import_module(self.plugin) if isinstance(self.plugin, str) else self.plugin


@dataclass(frozen=True)
class _FileLoader:
    """Imports a file, or a folder with ``__init__.py``, anew each time.

    The folder is not put on ``sys.path``: a plugin in a file ``json.py`` would be everybody's
    ``json``. Within a package, imports are relative.
    """

    path: Path

    def __call__(self) -> ModuleType:
        name = f"{FOLDER_PACKAGE}_{self.path.stem}"
        # What an application that was made before in this process has imported.
        for other in [m for m in sys.modules if m == name or m.startswith(f"{name}.")]:
            del sys.modules[other]
        file = self.path / "__init__.py" if self.path.is_dir() else self.path
        spec = spec_from_file_location(name, file)
        if spec is None or spec.loader is None:
            raise ImportError(f"{file.name} is not a Python file")
        module = module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:  # whatever it is, nothing half-imported stays; raised again
            del sys.modules[name]
            raise
        return module
