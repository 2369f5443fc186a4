"""`flask secrets`: what is to be done when DATA_SECRET has changed."""

from typing import cast

import click
from flask import current_app
from flask.cli import AppGroup

from app.core.flask_app import ParleyApp
from app.core.sealing import SealedColumns

secrets_cli = AppGroup("secrets", help="Secrets that change.")


@secrets_cli.command("reseal")
def reseal() -> None:
    """Seal with DATA_SECRET what is still sealed with one of DATA_SECRETS_FORMER; while Parley serves, too."""
    runtime = cast(ParleyApp, current_app).runtime
    done, lost = runtime.drivers[SealedColumns].reseal(runtime)
    click.echo(f"{done} sealed anew.", err=True)
    if lost:
        raise click.ClickException(f"{lost} can't be opened with DATA_SECRET, nor with any of DATA_SECRETS_FORMER.")
