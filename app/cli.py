"""The commands of `flask`: users, jobs, media, settings, secrets, demo, and db for migrations.

Only `wsgi.py` has them: they take time to import, Alembic most of all, and no server needs them.
"""

import click
from flask.cli import AppGroup
from flask_migrate import Migrate

from app.accounts.commands import users_cli
from app.core.db import MIGRATIONS
from app.core.flask_app import ParleyApp
from app.core.jobs.commands import jobs_cli
from app.core.sealing_commands import secrets_cli
from app.core.settings_docs import env_example, settings_table
from app.demo.commands import demo_cli
from app.media.commands import media_cli

settings_cli = AppGroup("settings", help="The settings, as documents.")


@settings_cli.command("table")
def show_table() -> None:
    """Print the settings table of the README."""
    click.echo(settings_table())


@settings_cli.command("env")
def show_env() -> None:
    """Print `.env.example`."""
    click.echo(env_example(), nl=False)


def register_commands(app: ParleyApp) -> None:
    Migrate(app, app.runtime.database, directory=MIGRATIONS)
    for group in (users_cli, jobs_cli, media_cli, settings_cli, secrets_cli, demo_cli):
        app.cli.add_command(group)
