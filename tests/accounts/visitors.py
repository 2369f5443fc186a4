"""People at the door of the API, without a token yet, and what they look at."""

import re
from dataclasses import dataclass
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from app.accounts.mail.memory import MemoryMailer
from tests.support.people import PASSWORD, Person, ok, problem

ADDRESS = "https://meet.example.org"


@dataclass
class Visitor:
    app: Flask

    def post(self, path: str, body: Any, **options: Any) -> TestResponse:
        return self.app.test_client().post(f"/api/v1{path}", json=body, **options)

    def try_to_register(self, **fields: Any) -> TestResponse:
        body = {"email": "anna@example.org", "password": PASSWORD, "display_name": "Anna", **fields}
        return self.post("/auth/register", body)

    def register(self, **fields: Any) -> Person:
        return self._person(ok(self.try_to_register(**fields), 201))

    def try_to_login(self, email: str = "anna@example.org", password: str = PASSWORD, **fields: Any) -> TestResponse:
        return self.post("/auth/login", {"email": email, "password": password, **fields})

    def login(self, email: str = "anna@example.org", password: str = PASSWORD, **fields: Any) -> Person:
        return self._person(ok(self.try_to_login(email, password, **fields)))

    def try_to_refresh(self, person: Person) -> TestResponse:
        return self.post("/auth/refresh", {"refresh_token": person.tokens["refresh_token"]})

    def refresh(self, person: Person) -> Person:
        return self._person(ok(self.try_to_refresh(person)))

    def _person(self, tokens: dict[str, Any]) -> Person:
        return Person(self.app, tokens["user"]["display_name"], tokens["user"]["email"], tokens)


def faulty_fields(response: TestResponse) -> list[str]:
    """The fields that an answer of 422 finds fault with."""
    return sorted(error["field"] for error in problem(response, 422, "validation_failed")["errors"])


def link_in(mailer: MemoryMailer, purpose: str, number: int = -1) -> str:
    """The token in one of the mails that were sent for `purpose`."""
    link = re.compile(rf"{re.escape(ADDRESS)}/#/{purpose}\?token=(\S+)")
    return [match[1] for mail in mailer.sent if (match := link.search(mail.text))][number]
