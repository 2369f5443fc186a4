"""`flask media`: a look at the media workers, and the key of those that `make run` starts."""

from typing import cast

import click
from flask import current_app
from flask.cli import AppGroup

from app.core.flask_app import ParleyApp
from app.core.retries import retried
from app.core.runtime import Runtime
from app.media import workers
from app.media.own_key import EMAIL, NotAService, own_key

LISTED = 200

media_cli = AppGroup("media", help="Media workers: programs that forward audio and video.")


@media_cli.command("key")
def show_key() -> None:
    """Print the service key of this machine's own media workers; it is good from then on."""
    runtime = _runtime()
    try:
        click.echo(retried(lambda: own_key(runtime)))
    except NotAService:
        raise click.ClickException(
            f"{EMAIL} is no service account any more: flask users grant {EMAIL} service, or set MEDIA_WORKERS=0."
        ) from None


@media_cli.command("list")
def list_workers() -> None:
    """Show the media workers that are there, wherever they run."""
    with _runtime().reading() as work:
        there = workers.list_all(work, limit=LISTED, cursor=None)["items"]
    if not there:
        click.echo("There are no media workers.")
        return
    click.echo(f"{'name':32} {'state':9} {'engine':9} {'meetings':>8} {'people':>12} {'load':>6}  renewed")
    for one in there:
        people = f"{one['people']} of {one['capacity']}"
        click.echo(
            f"{one['name']:32} {one['state']:9} {one['engine']:9} {one['meetings']:8} {people:>12} "
            f"{one['load_']:6.2f}  {one['renewed_at']:%H:%M:%S}Z"
        )


def _runtime() -> Runtime:
    return cast(ParleyApp, current_app).runtime
