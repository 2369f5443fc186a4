"""Starting the jobs process anew when its code changes, for developers. (uvicorn and flask do so for the API.)"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn


class CodeWatch:
    """Looks whether modules below `folder` that this process has loaded are still as they were."""

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder) + os.sep
        self._seen: dict[str, float] = {}

    def changed(self) -> bool:
        """Whether a file was changed since it was first looked at. One that can't be parsed is not ready yet."""
        changed = False
        for path in self._loaded():
            try:
                modified_at = os.stat(path).st_mtime
                if self._seen.setdefault(path, modified_at) != modified_at:
                    compile(Path(path).read_bytes(), path, "exec")
                    changed = True
            except (OSError, SyntaxError, ValueError):
                continue  # half saved, or being replaced
        return changed

    def _loaded(self) -> Iterator[str]:
        for module in list(sys.modules.values()):
            path = getattr(module, "__file__", None)
            if path is not None and path.startswith(self._folder):
                yield path


def start_anew() -> NoReturn:
    """Become the same command from its beginning, in the same process."""
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 – there is no shell to avoid
