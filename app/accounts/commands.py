"""`flask users`: make accounts, give and take roles, for whoever runs Parley. The first admin is made so."""

import sys
from typing import cast

import click
import marshmallow as ma
from flask import current_app
from flask.cli import AppGroup

from app.accounts import passwords, service
from app.accounts.emails import normalise_email
from app.accounts.models import User
from app.accounts.schemas import PersonalName
from app.core import audit, errors
from app.core.flask_app import ParleyApp
from app.core.runtime import Runtime, Work

ROLES = click.Choice(["admin", "service"])

users_cli = AppGroup("users", help="Make accounts, give and take roles.")


class _Email(click.ParamType[str]):
    name = "email"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            return normalise_email(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class _Name(click.ParamType[str]):
    name = "name"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            return str(PersonalName().deserialize(value))
        except ma.ValidationError as error:
            self.fail(" ".join(map(str, error.messages)), param, ctx)


@users_cli.command("create")
@click.argument("email", type=_Email())
@click.option("--name", type=_Name(), help="Name that others see; without it the part of EMAIL before the @.")
@click.option("--admin", "role", flag_value="admin", help="Make an administrator.")
@click.option("--service", "role", flag_value="service", help="Make a program's account: no password, but a key.")
@click.option(
    "--password-stdin",
    is_flag=True,
    help="Read the password's line from standard input; else it is asked for.",
)
def create(email: str, name: str | None, role: str | None, password_stdin: bool) -> None:
    """Make an account. Its address counts as verified."""
    password = None if role == "service" else _read_password(password_stdin)
    with _runtime().writing() as work:
        display_name = name or email.partition("@")[0][:100]
        try:
            user = service.create(work, email=email, display_name=display_name, role=role or "user", password=password)
        except errors.EmailTaken as error:
            raise click.ClickException(error.detail) from None
        key = service.add_service_key(work, user) if user.role == "service" else None
        audit.by_command(work, "user.create", user.id, role=user.role)
    click.echo(f"Made {email} ({role or 'user'}).", err=True)
    _show_key(key)


@users_cli.command("grant")
@click.argument("email", type=_Email())
@click.argument("role", type=ROLES)
def grant(email: str, role: str) -> None:
    """Give an account a role, in place of the one that it has. Every grant of `service` makes a new key."""
    with _runtime().writing() as work:
        user = _find(work, email)
        service.set_role(work, user, role)
        key = service.add_service_key(work, user) if role == "service" else None
        audit.by_command(work, "user.set_role", user.id, role=role)
    click.echo(f"{email} is {role} now.", err=True)
    _show_key(key)


@users_cli.command("revoke")
@click.argument("email", type=_Email())
@click.argument("role", type=ROLES)
def revoke(email: str, role: str) -> None:
    """Take a role from an account; it becomes an ordinary user's. With `service` go all its keys."""
    with _runtime().writing() as work:
        user = _find(work, email)
        if user.role != role:
            raise click.ClickException(f"{email} is {user.role}, not {role}.")
        service.set_role(work, user, "user")
        audit.by_command(work, "user.set_role", user.id, role="user")
    click.echo(f"{email} is user now.", err=True)


def _runtime() -> Runtime:
    return cast(ParleyApp, current_app).runtime


def _find(work: Work, email: str) -> User:
    user = service.find_by_email(work, email)
    if user is None:
        raise click.ClickException(f"There is no account with {email}.")
    return user


def _read_password(from_stdin: bool) -> str:
    if from_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        password = str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    if not passwords.SHORTEST <= len(password) <= passwords.LONGEST:
        raise click.ClickException(f"A password has {passwords.SHORTEST} to {passwords.LONGEST} characters.")
    return password


def _show_key(key: str | None) -> None:
    """The key alone goes to standard output, so that a script can catch it."""
    if key is not None:
        click.echo("Its key, shown this once:", err=True)
        click.echo(key)
