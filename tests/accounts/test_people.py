from typing import Any

import pytest

from app.accounts import service
from app.accounts.models import Acquaintance, User
from app.core.runtime import Runtime
from tests.accounts.visitors import Visitor, faulty_fields
from tests.support.people import Person, ok, problem


def introduce(runtime: Runtime, person: Person, *others: Person) -> None:
    with runtime.writing() as work:
        service.introduce(work, person.user_id, [other.user_id for other in others])


def test_somebody_is_found_by_their_exact_address(anna: Person, ben: Person) -> None:
    page = ok(anna.get("/users", email=" BEN@example.org"))
    found = {"id": ben.user_id, "display_name": "Ben", "email": "ben@example.org"}
    assert page == {"items": [found], "next_cursor": None}


@pytest.mark.parametrize("email", ["ben@example.or", "en@example.org", "%@example.org", "b_n@example.org"])
def test_part_of_an_address_finds_nobody(anna: Person, ben: Person, email: str) -> None:
    assert ok(anna.get("/users", email=email))["items"] == []


@pytest.mark.parametrize("query", [{"email": "ben"}, {"email": ""}, {"name": "ben"}, {"limit": "x"}])
def test_a_wrong_query_is_refused(anna: Person, query: dict[str, Any]) -> None:
    assert faulty_fields(anna.get("/users", **query)) == list(query)


def test_an_address_is_asked_for_once(anna: Person) -> None:
    response = anna.request("GET", "/users?email=a@example.org&email=b@example.org")
    assert faulty_fields(response) == ["email"]


class TestAnAddressThatIsNotVerified:
    """It may be somebody else's, so it neither finds its account nor is shown."""

    @pytest.fixture
    def overrides(self) -> dict[str, Any]:
        return {"auto_verify_email": False}

    def test_finds_nobody(self, anna: Person, ben: Person) -> None:
        assert ok(anna.get("/users", email=ben.email))["items"] == []

    def test_is_not_shown_to_people_one_has_met(self, anna: Person, ben: Person, runtime: Runtime) -> None:
        introduce(runtime, anna, ben)
        assert ok(anna.get("/users"))["items"] == [{"id": ben.user_id, "display_name": "Ben", "email": None}]


def test_people_one_has_met_are_listed_by_name_on_both_sides(
    visitor: Visitor, anna: Person, ben: Person, cleo: Person, runtime: Runtime
) -> None:
    adam = visitor.register(email="adam@example.org", display_name="adam")
    introduce(runtime, anna, cleo, ben, adam)
    assert [item["display_name"] for item in ok(anna.get("/users"))["items"]] == ["adam", "Ben", "Cleo"]
    assert [item["id"] for item in ok(cleo.get("/users"))["items"]] == [anna.user_id]


def test_nobody_is_listed_before_one_has_met(anna: Person, ben: Person) -> None:
    assert ok(anna.get("/users")) == {"items": [], "next_cursor": None}


def test_people_who_meet_again_stay_listed_once(anna: Person, ben: Person, cleo: Person, runtime: Runtime) -> None:
    introduce(runtime, anna, ben)
    introduce(runtime, ben, anna, ben, cleo)
    introduce(runtime, ben)
    with runtime.reading() as work:
        assert work.query(Acquaintance).count() == 4
    assert [item["display_name"] for item in ok(ben.get("/users"))["items"]] == ["Anna", "Cleo"]


def test_people_one_has_met_come_in_pages(visitor: Visitor, anna: Person, runtime: Runtime) -> None:
    names = ["Bo", "bo", "Çelik", "Zoë", "会议"]
    others = [visitor.register(email=f"{number}@example.org", display_name=name) for number, name in enumerate(names)]
    introduce(runtime, anna, *others)
    seen: list[str] = []
    cursor = None
    while True:
        page = ok(anna.get("/users", limit=2, **({"cursor": cursor} if cursor else {})))
        assert len(page["items"]) <= 2
        seen += [item["display_name"] for item in page["items"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert sorted(seen) == sorted(names)
    problem(anna.get("/users", cursor="nonsense"), 422, "validation_failed")


def test_what_other_features_ask(anna: Person, ben: Person, runtime: Runtime) -> None:
    unknown = "01980a3e-7b6c-7d4e-8f00-1a2b3c4d5e6f"
    with runtime.reading() as work:
        assert service.names_of(work, [anna.user_id, ben.user_id, anna.user_id, unknown]) == {
            anna.user_id: "Anna",
            ben.user_id: "Ben",
        }
        assert service.names_of(work, []) == {}
        assert service.get_user(work, anna.user_id).email == "anna@example.org"
        found = service.find_by_email(work, service.normalise_email(" Anna@Example.org "))
        assert isinstance(found, User)
        assert found.id == anna.user_id
