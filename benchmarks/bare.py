"""What a hand-written Flask app does on the server stack that Parley runs on: `python -m benchmarks.bare PORT hello`.

`hello` answers a constant. `statements DATABASE_URL` sends, polls and acknowledges with one SQL statement each, on
Parley's tables, through connections opened as Parley opens them: no account, no check, no other statement.
"""

import sys
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Any

import uvicorn
from a2wsgi import WSGIMiddleware
from flask import Flask, jsonify, request
from sqlalchemy import insert, select, update

from app.core.db import Database
from app.core.ids import new_id
from app.core.settings import load_settings
from app.inbox.models import Inbox, Signal
from app.serving.__main__ import BACKLOG, KEEP_ALIVE_S


def hello() -> Flask:
    app = Flask("hello")
    app.get("/")(lambda: "hello")
    return app


def statements(database_url: str) -> Flask:
    app = Flask("statements")
    database = Database(database_url)
    # SQLite's own queue of writers sleeps between its tries; Parley's is a lock as well.
    one_writer = database.write_lock if database.is_sqlite else nullcontext()

    @app.post("/send")
    def send() -> Any:
        message = request.get_json()
        row = {"id": new_id(), "event_id": new_id(), "type": "rtc.candidate", "created_at": datetime.now(UTC)}
        with one_writer, database.writer.begin() as connection:
            connection.execute(insert(Signal).values(**row, **message))
        return jsonify(id=row["id"]), 201

    @app.get("/poll")
    def poll() -> Any:
        unread = (
            select(Signal.seq, Signal.id, Signal.type, Signal.payload)
            .where(Signal.inbox_id == request.args["inbox_id"], Signal.seq > request.args.get("after", type=int))
            .order_by(Signal.seq)
            .limit(50)
        )
        with database.reader.connect() as connection:
            return jsonify(messages=[dict(row) for row in connection.execute(unread).mappings()])

    @app.post("/ack")
    def ack() -> Any:
        asked = request.get_json()
        acknowledged = update(Inbox).where(Inbox.id == asked["inbox_id"]).values(acked_seq=asked["up_to"])
        with one_writer, database.writer.begin() as connection:
            connection.execute(acknowledged)
        return jsonify(acked_seq=asked["up_to"])

    return app


APPS = {"hello": hello, "statements": statements}


def main(port: str, name: str, *arguments: str) -> None:
    threads = load_settings(_env_file=None).web_threads
    uvicorn.run(
        WSGIMiddleware(APPS[name](*arguments), workers=threads),  # type: ignore[operator]
        port=int(port),
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_S,
        access_log=False,
        log_config=None,
        log_level="warning",
        proxy_headers=False,
        server_header=False,
        lifespan="off",
        ws="none",
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
