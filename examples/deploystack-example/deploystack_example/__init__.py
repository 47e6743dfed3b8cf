"""Items: what DeployStack asks this plugin for. Everything else is in the modules beside it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from flask import Blueprint
from sqlalchemy import select
from sqlalchemy.orm import Session

from deploystack.plugins import Model, PluginMetadata, Setting, SettingGroup, hookimpl

from .models import Item
from .routes import blueprint

SEEDS = ("First", "Second")


@hookimpl
def deploystack_metadata() -> PluginMetadata:
    """Return who this plugin is."""
    return PluginMetadata(name="example", version="0.1.0", description="Items, listed and added.")


@hookimpl
def deploystack_tables() -> Iterable[type[Model]]:
    """Return the tables it owns."""
    return [Item]


@hookimpl
def deploystack_migrations() -> Path:
    """Return the folder of its revisions."""
    return Path(__file__).with_name("migrations")


@hookimpl
def deploystack_settings() -> Iterable[SettingGroup]:
    """Return its settings and their defaults."""
    page_size = Setting(
        key="example.page_size", type="integer", default=20, description="Items on a page."
    )
    return [SettingGroup(id="example", name="Example", settings=[page_size])]


@hookimpl
def deploystack_seed(session: Session) -> None:
    """Add the items that every installation begins with; those that are there are left alone."""
    present = set(session.scalars(select(Item.name).where(Item.name.in_(SEEDS))))
    session.add_all(Item(name=name) for name in SEEDS if name not in present)


@hookimpl
def deploystack_blueprints() -> Iterable[Blueprint]:
    """Return its routes."""
    return [blueprint]
