"""What it takes to search by words and likeness, against the words alone, over the segments of many meetings."""

import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from statistics import median

from sqlalchemy import insert, text

from app import create_app
from app.accounts.models import User
from app.cli import register_commands
from app.core.actor import Actor
from app.core.flask_app import ParleyApp
from app.core.settings import load_settings
from app.meetings.models import Meeting, MeetingPerson
from app.notes.embedders.base import Embedder
from app.notes.search import index
from app.notes.search.base import words_of
from app.notes.search.finding import Wanted, find
from app.notes.search.following import embed
from app.notes.search.index import Document
from benchmarks.figure import Figure, measure_in_turn, percentile, spread

SEGMENTS = 50_000
MEETINGS = 200
WORDS = 6_000  # of which some are said often, and most seldom, as Zipf has it
PAIRS = 60
AT = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
PLAIN = "SELECT rowid FROM search_words WHERE search_words MATCH :wanted ORDER BY rank LIMIT 100"


def measure() -> list[Figure]:
    random = Random(7)
    with tempfile.TemporaryDirectory() as folder:
        app = create_app(load_settings(storage_dir=Path(folder), log_level="WARNING", _env_file=None))
        vocabulary = _fill(app, random)
        questions = iter([" ".join(random.sample(vocabulary[100:2_000], 2)) for _ in range(2 * PAIRS + 2)])
        actor = Actor("u1", "s", "Anna", "user")
        asked = {"q": next(questions)}

        def hybrid() -> float:
            asked["q"] = next(questions)
            return _ms(lambda: _search(app, actor, asked["q"]))

        def plain() -> float:
            return _ms(lambda: _match(app, asked["q"]))

        figure, yardstick = measure_in_turn(hybrid, plain, PAIRS)
        app.runtime.close()
    return [
        Figure(
            name=f"search by words and likeness, {SEGMENTS:,} segments, p50",
            unit="ms",
            value=percentile(figure, 50),
            yardstick=median(yardstick),
            yardstick_name="the same words asked of FTS5 alone",
            must=5,
            aim=3,
            spread=spread(figure),
        )
    ]


def _fill(app: ParleyApp, random: Random) -> list[str]:
    from flask_migrate import upgrade

    register_commands(app)
    with app.app_context():
        upgrade()
    letters = "bcdfghklmnprstvz"
    vocabulary = ["".join(random.choice(letters) + random.choice("aeiou") for _ in range(3)) for _ in range(WORDS)]
    weights = [1 / (place + 10) for place in range(WORDS)]
    with app.runtime.writing() as work:
        work.add(User(id="u1", display_name="Anna", locale="en", role="user", created_at=AT))
        work.flush()
        for number in range(MEETINGS):
            about = {"id": f"m{number}", "owner_id": "u1", "title": f"Meeting {number}", "state": "ended"}
            times = {"sort_at": AT, "created_at": AT, "updated_at": AT}
            more = {"code": f"c{number}", "media_mode": "p2p", "guests_allowed": False}
            work.execute(insert(Meeting).values(**about, **times, **more))
            person = {"meeting_id": about["id"], "user_id": "u1", "relation": "owner", "state": "ended", "sort_at": AT}
            work.execute(insert(MeetingPerson).values(**person))
        for begin in range(0, SEGMENTS, 1_000):
            index.put(
                work,
                [
                    Document(
                        "transcript",
                        f"n{number}",
                        f"m{number % MEETINGS}",
                        AT + timedelta(seconds=number),
                        " ".join(random.choices(vocabulary, weights, k=12)),
                        meeting_id=f"m{number % MEETINGS}",
                    )
                    for number in range(begin, begin + 1_000)
                ],
            )
    embed(app.runtime, {})
    return vocabulary


def _search(app: ParleyApp, actor: Actor, q: str) -> None:
    with app.runtime.reading() as work:
        question = work.driver(Embedder).embed_question(q)
        find(work, actor, Wanted(q), question, limit=20, position=0)


def _match(app: ParleyApp, q: str) -> None:
    wanted = " OR ".join(f'"{word}"*' for word in words_of(q))
    with app.runtime.reading() as work:
        work.execute(text(PLAIN), {"wanted": wanted}).all()


def _ms(call: Callable[[], None]) -> float:
    begun = time.perf_counter()
    call()
    return (time.perf_counter() - begun) * 1e3
