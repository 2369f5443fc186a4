"""`python -m app.media`: keep MEDIA_WORKERS media workers going on this machine."""

import subprocess
import sys

from app.core.logs import configure_logs
from app.core.settings import SettingsError, load_settings
from app.media.supervisor import NoKey, Supervisor


def main() -> None:
    try:
        settings = load_settings()
    except SettingsError as error:
        sys.exit(f"Parley cannot start with these settings:\n{error}")
    configure_logs(settings)
    Supervisor(settings, own_key).run()


def own_key() -> str:
    """Made by a process of its own, which has the application in it and ends: this one stays small."""
    asked = [sys.executable, "-m", "flask", "--app", "wsgi:app", "media", "key"]
    told = subprocess.run(asked, capture_output=True, text=True, check=False)  # noqa: S603 – a constant
    if told.returncode != 0:
        raise NoKey(told.stderr.strip().rpartition("\n")[2] or f"status {told.returncode}")
    return told.stdout.strip()


if __name__ == "__main__":
    main()
