import os
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from app.core.wakeups.base import Wakeups
from app.core.wakeups.udp import UdpWakeups
from tests.drivers.wakeups_suite import LinkedWakeupsSuite, Listener, listening, trouble
from tests.support.waiting import eventually


def files(storage_dir: Path) -> set[Path]:
    """How processes tell their ports."""
    return set((storage_dir / "run" / "wakeups").iterdir())


class TestUdpWakeups(LinkedWakeupsSuite):
    @pytest.fixture
    def make(self, tmp_path: Path) -> Callable[[], Wakeups]:
        return lambda: UdpWakeups(tmp_path)

    @pytest.fixture
    def cut(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Wakeups], None]:
        """A datagram socket can't be cut; but the file that tells of it can be tidied away."""

        def remove_files(wakeups: Wakeups) -> None:
            for file in files(tmp_path):
                file.unlink()

        monkeypatch.setattr("app.core.wakeups.udp.LOOK_AT_OWN_FILE_S", 0.05)
        return remove_files

    @pytest.fixture
    def garble(self, tmp_path: Path) -> Callable[[bytes], None]:
        def send_to_all(garbage: bytes) -> None:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                for file in files(tmp_path):
                    sender.sendto(garbage, ("127.0.0.1", int(file.name.split("-")[0])))

        return send_to_all

    def test_nudges_of_somebody_without_the_key_are_not_heard(
        self, wakeups: Wakeups, tmp_path: Path, garble: Callable[[bytes], None]
    ) -> None:
        stranger = UdpWakeups(tmp_path / "stranger")
        asleep = wakeups.ticket("a")
        for message in stranger._packed(["a"], 8192):
            garble(stranger._seal(message) + message)
            garble(bytes(16) + message)
            garble(message)
        listener = Listener(wakeups)
        UdpWakeups(tmp_path).wake(["b"])
        assert listener.hears("b")
        assert not wakeups.woken_since("a", asleep)

    def test_what_tells_of_a_process_is_private_and_ends_with_it(self, tmp_path: Path) -> None:
        wakeups = listening(UdpWakeups(tmp_path))
        [file] = files(tmp_path)
        assert file.name.endswith(f"-{os.getpid()}")
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
        wakeups.close()
        assert files(tmp_path) == set()

    def test_files_of_dead_processes_are_removed_and_those_of_the_living_stay(
        self, tmp_path: Path, wakeups: Wakeups
    ) -> None:
        script = (
            "import os, sys, pathlib; from app.core.wakeups.udp import UdpWakeups\n"
            "from tests.drivers.wakeups_suite import listening\n"
            "listening(UdpWakeups(pathlib.Path(sys.argv[1]))); os.kill(os.getpid(), 9)"
        )
        subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False, capture_output=True)
        for name in ("99999-1", "0-1", "draft", "-1"):
            (tmp_path / "run" / "wakeups" / name).touch()
        assert len(files(tmp_path)) == 6
        other = UdpWakeups(tmp_path)
        listener = Listener(wakeups)
        other.wake(["a"])
        assert listener.hears("a")
        names = {file.name for file in files(tmp_path)}
        assert names - {"99999-1", "0-1", "draft", "-1"} == {name for name in names if name.endswith(f"-{os.getpid()}")}

    def test_a_child_of_a_fork_listens_for_itself(self, wakeups: Wakeups, tmp_path: Path) -> None:
        go, told = os.pipe()
        child = os.fork()
        if child == 0:  # the pipe tells that it listens, and its status that it was woken
            try:
                ticket = listening(wakeups).ticket("a")
                os.write(told, b".")
                os._exit(0 if wakeups.wait("a", ticket, 20) else 1)
            finally:
                os._exit(2)
        assert os.read(go, 1) == b"."
        assert len(files(tmp_path)) == 2
        wakeups.wake(["a"])
        assert os.waitpid(child, 0)[1] == 0
        listener = Listener(wakeups)
        UdpWakeups(tmp_path).wake(["b"])
        assert listener.hears("b")

    def test_a_folder_that_cannot_be_used_degrades_and_heals(self, tmp_path: Path) -> None:
        run = tmp_path / "run"
        run.touch()
        wakeups = UdpWakeups(tmp_path)
        wakeups.wake(["a"])
        wakeups.ticket("a")
        assert trouble(wakeups)
        run.unlink()
        eventually(lambda: not trouble(wakeups), "it to listen")
        wakeups.close()
