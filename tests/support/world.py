"""One meeting with everybody who can be something to it, and a database that is put back before every request.

The walks over the whole API (access, contract) ask thousands of questions of it; each finds the same state, so that
a DELETE disturbs nobody.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from werkzeug.test import TestResponse

from app import create_app
from app.accounts import service as accounts
from app.accounts.oidc import service as oidc
from app.accounts.oidc.id_tokens import Proven
from app.accounts.passwords import Argon2Passwords, PasswordHasher
from app.core.clock import ManualClock
from app.core.flask_app import ParleyApp
from app.core.ids import new_id
from app.core.jobs.models import Job
from app.core.objects.base import ObjectStore
from app.core.settings import load_settings
from app.media.models import MediaWorker
from app.meetings.models import Meeting
from app.participants import service as participants
from app.participants.models import Participant
from app.recordings.models import Export, Recording, RecordingTrack, Rendition
from tests.support import limits
from tests.support.people import PASSWORD, Person, ok, register
from tests.uploads.sending import send as send_file

Document = dict[str, Any]
TRACK_FILE = EXPORT = "01980a3e-7b6c-7d4e-8f00-1a2b3c4d5e6f"


class World:
    """`people` by what they are; `meeting`, `ids`: what the paths' ids name."""

    def __init__(self, app: ParleyApp, clock: ManualClock) -> None:
        self.app = app
        self.clock = clock
        self.database = app.runtime.settings.storage_dir / "meetings.db"
        self.tokens: dict[str, str | None] = {"nobody": None}
        self.people: dict[str, Person] = {}
        self.participants: dict[str, str] = {}
        self.workers: dict[str, str] = {}
        self.identities: dict[str, str] = {}
        self._build()
        app.runtime.database.close()  # the last connection puts the write-ahead log into the file
        self._snapshot = {file: file.read_bytes() for file in self.database.parent.rglob("*") if file.is_file()}

    def restore(self) -> None:
        """Make the database, and what was deleted beside it, as it was when everything was built."""
        log = self.database.with_name(self.database.name + "-wal")
        if not log.exists() or log.stat().st_size == 0:
            return  # nothing was written since
        self.app.runtime.database.close()
        for left_over in ("-wal", "-shm"):
            self.database.with_name(self.database.name + left_over).unlink(missing_ok=True)
        for file, content in self._snapshot.items():
            if file == self.database or not file.exists():
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content)

    def request(self, actor: str, method: str, path: str, **kwargs: Any) -> TestResponse:
        """`path` as in the OpenAPI document, its ids filled in already; `actor` as in `tokens`."""
        headers = dict(kwargs.pop("headers", {}))
        if self.tokens[actor] is not None:
            headers["Authorization"] = f"Bearer {self.tokens[actor]}"
        return self.app.test_client().open(path, method=method, headers=headers, **kwargs)

    def ids_for(self, actor: str) -> dict[str, str]:
        """What stands for a path's ids. `session_id` and `identity_id` depend on who asks: they are their own."""
        own_session = self.people[actor].session_id if actor in self.people else self.people["owner"].session_id
        own_identity = self.identities.get(actor, self.identities["owner"])
        return {**self.ids, "session_id": own_session, "identity_id": own_identity, "provider": "google"}

    def _build(self) -> None:
        owner = register(self.app, "Olga")
        self.tokens["expired token"] = owner.tokens["access_token"]
        self.clock.advance(minutes=self.app.runtime.settings.access_token_min + 1)
        left_behind = self._sign_in(owner)
        self.tokens["ended session"] = left_behind["access_token"]
        ok(Person(self.app, "Olga", owner.email, left_behind).post("/auth/logout"), 204)
        owner.tokens = self._sign_in(owner)
        names = {
            "another user": "Una",
            "admin": "Ada",
            "invited": "Ida",
            "accepted": "Ana",
            "participant": "Pia",
            "another participant": "Paul",
            "co-host": "Cora",
            "banned": "Bea",
            "rejected": "Rhea",
            "revoked": "Rex",
        }
        self.people = {"owner": owner, **{what: register(self.app, name) for what, name in names.items()}}
        self.tokens.update({what: person.tokens["access_token"] for what, person in self.people.items()})
        self._add_roles()
        self._hold_the_meeting()
        self._place_the_meeting()
        self._let_guests_in()

    def _sign_in(self, person: Person) -> dict[str, Any]:
        body = {"email": person.email, "password": PASSWORD}
        tokens: dict[str, Any] = ok(self.app.test_client().post("/api/v1/auth/login", json=body))
        return tokens

    def _add_roles(self) -> None:
        with self.app.runtime.writing() as work:
            accounts.set_role(work, accounts.get_user(work, self.people["admin"].user_id), "admin")
            for name in ("media worker", "media worker of another service"):
                email = f"{name.replace(' ', '-')}@example.org"
                worker = accounts.create(work, email=email, display_name=name, role="service", password=None)
                work.flush()
                self.tokens[name] = accounts.add_service_key(work, worker)
            for actor, person in self.people.items():
                user = accounts.get_user(work, person.user_id)
                proven = Proven("google", "https://gone.example", actor, person.email, True, None, None)
                self.identities[actor] = oidc.add_identity(work, user, proven).id

    def _hold_the_meeting(self) -> None:
        people = self.people
        owner = people["owner"]
        self.meeting = owner.create_meeting(title="Weekly review", media_mode="mock")
        joining = ("participant", "another participant", "co-host", "banned")
        guests = ("invited", "accepted", *joining, "rejected", "revoked")
        invitations = dict(zip(guests, owner.invite(self.meeting, *(people[guest] for guest in guests)), strict=True))
        for guest in ("accepted", *joining):
            people[guest].accept(invitations[guest])
        ok(people["rejected"].post(f"/invitations/{invitations['rejected']['id']}/reject"))
        ok(owner.delete(f"/invitations/{invitations['revoked']['id']}"), 204)
        for guest in ("owner", *joining):
            joined = people[guest].join(self.meeting, device=f"{guest}'s phone")
            self.participants[guest] = joined["participant"]["id"]
        sent = send_file(people["participant"], b"Hello")
        said = {"text": "Hello", "upload_id": sent["id"]}
        message = ok(people["participant"].post(f"/meetings/{self.meeting['id']}/messages", said), 201)
        ok(owner.request("PUT", f"/participants/{self.participants['co-host']}/role", {"role": "co_host"}))
        ok(owner.post(f"/participants/{self.participants.pop('banned')}/ban"))
        recording = ok(owner.post(f"/meetings/{self.meeting['id']}/recordings", {"audio_only": True}), 201)
        ok(owner.post(f"/recordings/{recording['id']}/stop"), 202)
        self._add_files(recording)
        upload = ok(owner.post("/uploads", {"purpose": "chat_file", "name": "a.txt", "size": 5}), 201)
        self.ids = {
            "upload_id": upload["upload"]["id"],
            "number": "1",
            "meeting_id": self.meeting["id"],
            "invitation_id": invitations["invited"]["id"],
            "participant_id": self.participants["participant"],
            "recording_id": recording["id"],
            "track_file_id": TRACK_FILE,
            "message_id": message["id"],
            "emoji": "👍",
            "export_id": EXPORT,
            "call_id": self._add_call(),
            **self._add_webhook(),
            "share_id": ok(owner.post(f"/recordings/{recording['id']}/shares", {}), 201)["id"],
            "job_id": self._add_failed_job(),
            "user_id": people["banned"].user_id,
            "secret": ok(owner.request("PUT", "/auth/me/calendar-feed"))["url"].rpartition("/")[2].removesuffix(".ics"),
        }

    def _add_files(self, recording: dict[str, Any]) -> None:
        """What a media worker would have recorded, beside the mock's file."""
        folder = f"recordings/{recording['meeting_id']}/{recording['id']}"
        store: ObjectStore = self.app.runtime.drivers[ObjectStore]
        kinds = {
            "poster.jpg": "image/jpeg",
            "waveform.json": "application/json",
            "track.webm": "audio/webm",
            "export.zip": "application/zip",
        }
        stored = {
            name: store.put_file(f"{folder}/{name}", BytesIO(b"{}"), content_type)
            for name, content_type in kinds.items()
        }
        with self.app.runtime.writing() as work:
            owner = work.get_one(Participant, self.participants["owner"])
            row = work.get_one(Recording, recording["id"])
            track = stored["track.webm"]
            made = {"state": "uploaded", "bytes": track.size, "sha256": track.sha256, "file_path": track.key}
            fixed = {"epoch": 1, "kind": "audio", "source": "microphone", "codec": "opus", "content_type": "audio/webm"}
            when = {"started_at": work.now(), "created_at": work.now()}
            lists: dict[str, Any] = {"recovered": False, "stats": {}, "gaps": [], "mutes": []}
            of = {"id": TRACK_FILE, "recording_id": row.id, "participant_id": owner.id, "track_id": TRACK_FILE}
            work.add(RecordingTrack(**of, **made, **fixed, **when, **lists))
            file = stored["export.zip"]
            work.add(
                Export(
                    id=EXPORT,
                    recording_id=row.id,
                    format="original",
                    clean="none",
                    made_of="",
                    state="ready",
                    warnings=[],
                    file_path=file.key,
                    bytes=file.size,
                    sha256=file.sha256,
                    created_at=work.now(),
                )
            )
            row.rendition_id = new_id()
            beside = {"poster_path": f"{folder}/poster.jpg", "waveform_path": f"{folder}/waveform.json"}
            shown = {"state": "ready", "layout": "grid", "audio_only": False, "progress": 1.0, "attempts": 1}
            work.add(
                Rendition(
                    id=row.rendition_id,
                    recording_id=row.id,
                    chapters=[],
                    warnings=[],
                    created_at=work.now(),
                    **shown,
                    **beside,
                )
            )

    def _add_call(self) -> str:
        owner = self.people["owner"]
        wav = b"RIFF" + (36).to_bytes(4, "little") + b"WAVEfmt " + bytes(28)
        sent = send_file(owner, wav, purpose="call_audio", name="call.wav", media_type="audio/wav")
        return str(ok(owner.post("/calls", {"upload_id": sent["id"]}), 201)["id"])

    def _add_webhook(self) -> dict[str, str]:
        owner = self.people["owner"]
        webhook = ok(owner.post("/webhooks", {"url": "https://crm.example.org/parley"}), 201)
        delivery = ok(owner.post(f"/webhooks/{webhook['id']}/test"), 202)
        return {"webhook_id": webhook["id"], "delivery_id": delivery["id"]}

    def _add_failed_job(self) -> str:
        with self.app.runtime.writing() as work:
            when = {"run_at": work.now(), "created_at": work.now(), "finished_at": work.now()}
            tried = {"state": "failed", "attempts": 12, "max_attempts": 12, "last_error": "OSError: away"}
            job = Job(id=new_id(), task="inbox.purge", payload={}, **tried, **when)
            work.add(job)
        return job.id

    def _place_the_meeting(self) -> None:
        """On a worker beside the mock one, which answers and records: a worker is in its meeting like a device."""
        for name in ("media worker", "media worker of another service"):
            body = {"name": name, "engine": "portable", "version": "1", "capacity": 9}
            self.workers[name] = ok(self.request(name, "POST", "/api/v1/media/workers", json=body), 201)["id"]
        self.ids["worker_id"] = self.workers["media worker"]
        with self.app.runtime.writing() as work:
            worker = work.get_one(MediaWorker, self.workers["media worker"])
            meeting = work.get_one(Meeting, self.meeting["id"])
            participants.add_sfu(work, meeting, "Media worker", worker=(worker.id, worker.inbox_id))

    def _let_guests_in(self) -> None:
        owner = self.people["owner"]
        elsewhere = owner.create_meeting(title="Another review", media_mode="mock")
        doors = {
            "guest at the door": self.meeting,
            "guest of this meeting": self.meeting,
            "guest of another meeting": elsewhere,
            "guest who was removed": self.meeting,
        }
        for what, meeting in doors.items():
            body = {"code": meeting["code"], "display_name": "Gus"}
            tokens = ok(self.app.test_client().post("/api/v1/meetings/join-by-code", json=body))["tokens"]
            self.tokens[what] = tokens["access_token"]
            if what == "guest at the door":
                continue
            joined = Person(self.app, "Gus", "", tokens).join(meeting, device=f"{what}'s phone")["participant"]
            if what == "guest of this meeting":
                self.participants[what] = joined["id"]
            if what == "guest who was removed":
                ok(owner.post(f"/participants/{joined['id']}/remove"))


@contextmanager
def built_world(folder: Path, migrated_database: Path, clock: ManualClock, **settings: Any) -> Iterator[World]:
    """A world in `folder`, with jobs inline and passwords hashed cheaply."""
    storage = folder / "storage"
    storage.mkdir()
    shutil.copy(migrated_database, storage / "meetings.db")
    gone = {"discovery_url": "http://127.0.0.1:9", "client_id": "parley"}  # a sign-in provider that does not answer
    chosen = {"jobs": "inline", "log_level": "ERROR", "poll_default_wait_s": 0, **settings}
    chosen |= {"oidc_providers": {"google": gone}}
    app = create_app(
        load_settings(
            storage_dir=storage, transcriber="mock", analyst="mock", _env_file=None, **{**limits.OFF, **chosen}
        ),
        clock,
    )
    app.testing = True
    app.runtime.drivers[PasswordHasher] = Argon2Passwords(time_cost=1, memory_cost_kib=8, parallelism=1)
    yield World(app, clock)
    app.runtime.close()


@cache
def document() -> Document:
    """The OpenAPI document as it is served; tests are collected from it."""
    with TemporaryDirectory() as folder:
        app = create_app(load_settings(storage_dir=Path(folder), log_level="ERROR", _env_file=None))
        app.testing = True
        served: Document = ok(app.test_client().get("/openapi.json"))
        app.runtime.close()
    return served


def operations() -> list[tuple[str, str, Document]]:
    """(METHOD, path, operation) of everything in the document."""
    methods = ("get", "post", "put", "patch", "delete")
    return [
        (method.upper(), path, item[method])
        for path, item in document()["paths"].items()
        for method in methods
        if method in item
    ]
