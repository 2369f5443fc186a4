from collections.abc import Callable

import pytest

from app.accounts import service as accounts
from app.core.runtime import Runtime
from tests.support.people import Person


@pytest.fixture
def admin(runtime: Runtime, person: Callable[[str], Person]) -> Person:
    """Ada, who runs this Parley, and has no part in anything."""
    ada = person("Ada")
    with runtime.writing() as work:
        accounts.set_role(work, accounts.get_user(work, ada.user_id), "admin")
    return ada
