"""Secrets that the embedded profile makes for itself at its first start, in files that only their owner can read."""

import os
import secrets
from pathlib import Path


def keep_secret(storage_dir: Path, name: str) -> str:
    """The secret `name`, made at its first use. Two processes that start at once agree on one."""
    folder = storage_dir / "secrets"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / name
    if not path.exists():
        draft = folder / f".{name}.{os.getpid()}.{secrets.token_hex(4)}"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(48))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)  # unlike a rename, fails if another process was first
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text()
