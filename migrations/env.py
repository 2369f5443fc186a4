"""Alembic's environment: the application's own engine and tables, wherever the command is started."""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from flask import current_app
from sqlalchemy import String

from app.core.db import Base, UtcDateTime

migrate = current_app.extensions["migrate"]


def render_item(kind: str, item: Any, autogen: AutogenContext) -> str | Literal[False]:
    """Parley's own column types, by their own names in what `flask db migrate` writes."""
    if kind == "type" and isinstance(item, UtcDateTime):
        autogen.imports.add("from app.core.db import UtcDateTime")
        return "UtcDateTime()"
    if kind == "type" and type(item) is String and "mysql" in item._variant_mapping:
        autogen.imports.add("from app.core.db import exact")
        return f"exact({item.length})"
    return False


OPTIONS = {**migrate.configure_args, "target_metadata": Base.metadata, "render_item": render_item}


def run_offline() -> None:
    """Print the SQL instead of running it (`flask db upgrade --sql`)."""
    url = migrate.db.get_engine().url
    context.configure(url=url, literal_binds=True, **OPTIONS)
    with context.begin_transaction():
        context.run_migrations()


def run_online() -> None:
    with migrate.db.get_engine().connect() as connection:
        context.configure(connection=connection, **OPTIONS)
        with context.begin_transaction():
            context.run_migrations()


if context.is_offline_mode():
    run_offline()
else:
    run_online()
