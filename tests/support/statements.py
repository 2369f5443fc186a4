"""What an engine is asked, through SQLAlchemy and past it."""

from typing import Any

import pytest
from sqlalchemy import Engine, event

from app.core import prepared


def record_statements(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The SQL of every statement from now on."""
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    execute = prepared.execute

    def recorded(connection: Any, sql: str, *rest: Any, **more: Any) -> Any:
        if connection.engine.pool is engine.pool:
            statements.append(sql)
        return execute(connection, sql, *rest, **more)

    monkeypatch.setattr(prepared, "execute", recorded)
    return statements
