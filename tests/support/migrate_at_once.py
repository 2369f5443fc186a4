"""`flask db upgrade`, in several processes at the same time: `python -m tests.support.migrate_at_once STORAGE_DIR URL`.

Ends with 1 where one of them did not come through.
"""

import os
import sys
from pathlib import Path

from flask_migrate import upgrade

from app import create_app
from app.cli import register_commands
from app.core.settings import load_settings

PROCESSES = 4


def main() -> None:
    storage_dir, url = sys.argv[1:]
    gate, opened = os.pipe()
    children = []
    for _ in range(PROCESSES):
        child = os.fork()
        if child == 0:
            os.close(opened)
            migrate(Path(storage_dir), url, gate)
        children.append(child)
    os.close(opened)  # now all of them begin
    statuses = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    sys.exit(any(statuses))


def migrate(storage_dir: Path, url: str, gate: int) -> None:
    app = create_app(load_settings(storage_dir=storage_dir, database_url=url, _env_file=None))
    register_commands(app)
    os.read(gate, 1)
    with app.app_context():
        upgrade()
    app.runtime.close()
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
