"""What the processes hold of the machine: memory, open files, threads."""

from dataclasses import dataclass
from pathlib import Path

from tests.soak.house import House


@dataclass(frozen=True)
class Held:
    memory_mb: float
    files: int
    threads: int

    def least(self, other: "Held") -> "Held":
        return Held(
            min(self.memory_mb, other.memory_mb), min(self.files, other.files), min(self.threads, other.threads)
        )

    def __str__(self) -> str:
        return f"{self.memory_mb:.0f} MB, {self.files} files, {self.threads} threads"


def held(house: House) -> dict[str, Held]:
    """By kind of process; those of one kind together."""
    return {kind: _sum([_of(pid) for pid in pids]) for kind, pids in house.processes().items()}


def _sum(parts: list[Held]) -> Held:
    return Held(
        sum(part.memory_mb for part in parts), sum(part.files for part in parts), sum(part.threads for part in parts)
    )


def _of(pid: int) -> Held:
    """https://www.kernel.org/doc/html/latest/filesystems/proc.html"""
    process = Path("/proc") / str(pid)
    told = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
    memory_mb = int(told["VmRSS"].split()[0]) / 1024
    return Held(memory_mb, len(list((process / "fd").iterdir())), int(told["Threads"]))
