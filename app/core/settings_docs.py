"""The settings as documents: what a person reads is made from what the program reads."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from app.core.settings import Settings


def settings_table(settings: type[BaseModel] = Settings) -> str:
    """A Markdown table of name, default and meaning, a row per setting."""
    rows = ["| Setting | Default | Meaning |", "|---|---|---|"]
    for name, field in settings.model_fields.items():
        default = _default(field)
        rows.append(f"| `{name.upper()}` | {f'`{default}`' if default else 'empty'} | {field.description} |")
    return "\n".join(rows)


def env_example() -> str:
    """A `.env` that changes nothing: every setting with its default, commented out."""
    return "# Every setting of Parley with its default. Copy to .env and change what you need.\n" + env_lines(Settings)


def env_lines(settings: type[BaseModel]) -> str:
    """A commented line for each setting, below its meaning."""
    return "".join(
        f"\n# {field.description}\n#{name.upper()}={_default(field)}\n" for name, field in settings.model_fields.items()
    )


def _default(field: FieldInfo) -> str:
    value: Any = field.default
    if value is None or value in ((), {}):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return value.as_posix() if isinstance(value, Path) else str(value)
