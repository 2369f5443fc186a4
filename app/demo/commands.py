"""`flask demo`: fill an installation with a small team and its meetings, and empty it again."""

from typing import cast

import click
from flask import current_app
from flask.cli import AppGroup
from sqlalchemy import inspect
from sqlalchemy.engine import make_url

from app.core.flask_app import ParleyApp
from app.core.runtime import Runtime
from app.demo import service
from app.demo.story import PEOPLE

demo_cli = AppGroup("demo", help="Demo data: a small team and its meetings.")


@demo_cli.command("seed")
def seed() -> None:
    """Add the demo's people and meetings, as far as they are not there yet."""
    runtime = _runtime()
    seeded = service.seed(runtime, click.echo)
    click.echo(f"\nMade {seeded.people} people and {seeded.meetings} meetings; {seeded.there} meetings were there.")
    click.echo(f"Sign in at {runtime.settings.address}/ as {PEOPLE[0].email}, or any other of them.")
    if seeded.password:
        click.echo(f"Everybody's password is {seeded.password}")
    else:
        click.echo("Their password is the one that was set when they were made.")
    if seeded.trouble:
        raise click.ClickException("\n".join(seeded.trouble))


@demo_cli.command("reset")
@click.option("--yes", is_flag=True, help="Do not ask.")
def reset(yes: bool) -> None:
    """Delete everything: every account, meeting, recording and job, not only the demo's."""
    runtime = _runtime()
    if not yes:
        database = make_url(runtime.settings.database_address).render_as_string(hide_password=True)
        click.confirm(f"Delete everything in {database} and all recordings?", abort=True)
    rows, objects = service.reset(runtime)
    click.echo(f"Deleted {rows} rows and {objects} files.")


def _runtime() -> Runtime:
    runtime = cast(ParleyApp, current_app).runtime
    if runtime.settings.profile == "production":
        raise click.ClickException("There is no demo in the production profile.")
    if not inspect(runtime.database.writer).has_table("users"):
        raise click.ClickException("The database has no tables yet: run `flask db upgrade` first.")
    return runtime
