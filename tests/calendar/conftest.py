from typing import Any

import pytest

from tests.support.people import Person


@pytest.fixture
def weekly(anna: Person) -> dict[str, Any]:
    """Anna's meeting on four Mondays at 9:00 in Berlin."""
    return anna.create_meeting(
        title="Weekly, with; signs\nand lines",
        description="What went well – and <b>what did not</b>",
        starts_at="2026-11-30T09:00:00+01:00",
        time_zone="Europe/Berlin",
        duration_min=30,
        recurrence="FREQ=WEEKLY;COUNT=4",
    )


def occurrences(person: Person, meeting: dict[str, Any]) -> list[dict[str, Any]]:
    page = person.get("/meetings", series_id=meeting["series_id"], order="asc").json
    return list(page["items"])  # type: ignore[index]
