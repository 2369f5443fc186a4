import pytest
from click.testing import Result
from flask.testing import FlaskClient

from app.core.flask_app import ParleyApp
from tests.accounts.visitors import Visitor
from tests.support.people import PASSWORD, Person, ok, problem


def flask(app: ParleyApp, *arguments: str, typed: str | None = None) -> Result:
    """`flask users …` as somebody types it."""
    return app.test_cli_runner().invoke(args=["users", *arguments], input=typed)


def me(client: FlaskClient, key: str) -> dict[str, str]:
    user: dict[str, str] = ok(client.get("/api/v1/auth/me", headers={"Authorization": f"Bearer {key}"}))
    return user


def test_the_first_admin_is_made_with_a_password_that_is_asked_for_twice(app: ParleyApp, visitor: Visitor) -> None:
    result = flask(
        app, "create", "Anna@Example.org", "--name", "Anna Berg", "--admin", typed=f"{PASSWORD}\n{PASSWORD}\n"
    )
    assert result.exit_code == 0, result.output
    assert PASSWORD not in result.output
    user = visitor.login().tokens["user"]
    assert (user["role"], user["display_name"], user["email_verified"]) == ("admin", "Anna Berg", True)


def test_a_password_can_come_from_a_script(app: ParleyApp, visitor: Visitor) -> None:
    result = flask(app, "create", "anna@example.org", "--password-stdin", typed=PASSWORD + "\n")
    assert result.exit_code == 0, result.output
    user = visitor.login().tokens["user"]
    assert (user["role"], user["display_name"]) == ("user", "anna")


def test_a_service_gets_a_key_and_no_password(app: ParleyApp, client: FlaskClient, visitor: Visitor) -> None:
    result = flask(app, "create", "sfu@example.org", "--name", "SFU", "--service")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("parley_sk_")
    assert len(result.stdout.splitlines()) == 1
    assert "shown this once" in result.stderr
    assert me(client, result.stdout.strip())["role"] == "service"
    problem(visitor.try_to_login("sfu@example.org"), 401, "bad_credentials")


@pytest.mark.parametrize(
    ("arguments", "typed", "said"),
    [
        (["create", "anna@example.org", "--password-stdin"], PASSWORD, "There is an account with this e-mail"),
        (["create", "bob@example.org", "--password-stdin"], "short", "10 to 200 characters"),
        (["create", "bob@example.org", "--password-stdin"], "", "10 to 200 characters"),
        (["create", "bob", "--password-stdin"], PASSWORD, "must have an @-sign"),
        (["create", "bob@example.org", "--name", "\u200b", "--password-stdin"], PASSWORD, "can be seen"),
        (["grant", "bob@example.org", "admin"], None, "There is no account with bob@example.org."),
        (["grant", "anna@example.org", "king"], None, "'king' is not one of 'admin', 'service'"),
        (["revoke", "anna@example.org", "admin"], None, "anna@example.org is user, not admin."),
    ],
)
def test_what_cannot_be_done_is_said_and_fails(
    app: ParleyApp, anna: Person, arguments: list[str], typed: str | None, said: str
) -> None:
    result = flask(app, *arguments, typed=typed)
    assert result.exit_code != 0
    assert said in result.output
    assert "Traceback" not in result.output


def test_a_role_is_granted_and_taken(app: ParleyApp, anna: Person) -> None:
    assert flask(app, "grant", "ANNA@example.org", "admin").exit_code == 0
    assert ok(anna.get("/auth/me"))["role"] == "admin"
    assert flask(app, "revoke", "anna@example.org", "admin").exit_code == 0
    assert ok(anna.get("/auth/me"))["role"] == "user"


def test_another_key_is_made_beside_the_first_and_both_go_with_the_role(app: ParleyApp, client: FlaskClient) -> None:
    first = flask(app, "create", "sfu@example.org", "--service").stdout.strip()
    second = flask(app, "grant", "sfu@example.org", "service").stdout.strip()
    assert first != second
    for key in (first, second):
        me(client, key)
    assert flask(app, "revoke", "sfu@example.org", "service").exit_code == 0
    for key in (first, second):
        response = client.get("/api/v1/auth/me", headers={"Authorization": f"Bearer {key}"})
        problem(response, 401, "token_invalid")
