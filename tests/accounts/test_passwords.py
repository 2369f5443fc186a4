import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.accounts.passwords import Argon2Passwords
from app.core import errors
from tests.support.people import PASSWORD
from tests.support.waiting import eventually


@pytest.fixture
def passwords() -> Argon2Passwords:
    return Argon2Passwords(time_cost=1, memory_cost_kib=8, parallelism=1)


def test_a_password_matches_its_own_hash_alone(passwords: Argon2Passwords) -> None:
    stored = passwords.hash(PASSWORD)
    assert passwords.verify(stored, PASSWORD)
    assert not passwords.verify(stored, PASSWORD + " ")
    assert not passwords.verify(stored, "")


def test_the_same_password_has_another_hash_each_time(passwords: Argon2Passwords) -> None:
    assert passwords.hash(PASSWORD) != passwords.hash(PASSWORD)


def test_nobody_has_no_password(passwords: Argon2Passwords) -> None:
    assert not passwords.verify(None, PASSWORD)
    assert not passwords.verify(None, "")


def test_a_check_against_nobody_has_the_parameters_of_a_real_one(passwords: Argon2Passwords) -> None:
    real, decoy = passwords.hash(PASSWORD), passwords._decoy
    assert [len(part) for part in real.split("$")] == [len(part) for part in decoy.split("$")]
    assert real.split("$")[:4] == decoy.split("$")[:4]
    assert not passwords.is_outdated(decoy)


def test_a_hash_of_other_parameters_still_matches_but_is_outdated(passwords: Argon2Passwords) -> None:
    stored = Argon2Passwords(time_cost=2, memory_cost_kib=16, parallelism=1).hash(PASSWORD)
    assert passwords.verify(stored, PASSWORD)
    assert passwords.is_outdated(stored)
    assert not passwords.is_outdated(passwords.hash(PASSWORD))


def test_the_defaults_are_those_of_rfc_9106() -> None:
    assert Argon2Passwords().hash(PASSWORD).startswith("$argon2id$v=19$m=65536,t=3,p=4$")


def test_the_longest_hash_fits_its_column() -> None:
    assert len(Argon2Passwords(memory_cost_kib=1_048_576)._decoy) <= 255


def test_only_so_many_are_hashed_at_once_some_wait_and_the_rest_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    passwords = Argon2Passwords(at_once=2)
    running, may_end = threading.Semaphore(0), threading.Event()
    lock = threading.Lock()
    now, most = 0, 0

    class Slow:
        def hash(self, password: str) -> str:
            nonlocal now, most
            with lock:
                now += 1
                most = max(most, now)
            running.release()
            may_end.wait(60)
            with lock:
                now -= 1
            return password

    monkeypatch.setattr(passwords, "_hasher", Slow())
    with ThreadPoolExecutor(4) as pool:
        hashed = [pool.submit(passwords.hash, "x") for _ in range(4)]
        assert running.acquire(timeout=60)
        assert running.acquire(timeout=60)
        eventually(lambda: passwords._places._value == 0, "two to wait")  # type: ignore[attr-defined]
        with pytest.raises(errors.Unavailable):
            passwords.verify("x", "x")
        may_end.set()
        assert [done.result() for done in hashed] == ["x"] * 4
    assert most == 2
    assert passwords.hash("x") == "x"
