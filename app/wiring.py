"""The composition root: it alone names concrete drivers, says which handler hears which event, and lists the tasks."""

from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import structlog

from app.accounts import events as accounts
from app.accounts import integrations, links, revocations
from app.accounts import tasks as account_tasks
from app.accounts.mail.base import Mailer
from app.accounts.models import Integration
from app.accounts.oidc.providers import Providers
from app.accounts.passwords import Argon2Passwords, PasswordHasher
from app.accounts.throttling import LoginThrottle
from app.calendar import handlers as calendar_handlers
from app.calendar import tasks as calendar_tasks
from app.calls import events as calls
from app.calls import handlers as call_handlers
from app.calls.source import CallSource
from app.chat import events as chat
from app.chat import handlers as chat_handlers
from app.chat.reading import ChatUnread
from app.core import audit, idempotency
from app.core.bus import Bus
from app.core.clock import Clock, SystemClock
from app.core.counters.base import Counters
from app.core.counters.in_process import InProcessCounters
from app.core.database_url import read_database_url
from app.core.db import Database
from app.core.file_urls import FileUrls
from app.core.jobs import leased
from app.core.jobs.base import Jobs, Tasks
from app.core.jobs.inline import InlineJobs
from app.core.objects.base import ObjectStore
from app.core.objects.disk import DiskObjectStore
from app.core.objects.part_urls import PartUrls
from app.core.processes import ProcessBeat
from app.core.runtime import Runtime
from app.core.sealing import Sealed, SealedColumns, Sealer
from app.core.secret_files import keep_secret
from app.core.settings import Settings, SettingsError
from app.core.wakeups.base import Wakeups
from app.core.wakeups.in_process import InProcessWakeups
from app.events import handlers as event_handlers
from app.events import relay as event_relay
from app.events import service as event_service
from app.events.publishers.base import EventPublisher
from app.events.sealed_settings import Envelopes, read_public_key
from app.health.outside import Outside
from app.inbox import events as inbox
from app.inbox import handlers as inbox_handlers
from app.inbox import service as inbox_service
from app.inbox.parking import Parking
from app.invitations import events as invitations
from app.invitations import handlers as invitation_handlers
from app.media import events as media
from app.media import handlers as media_handlers
from app.media import tasks as media_tasks
from app.media import workers as media_workers
from app.media.recorded import RunningRecordings
from app.media.whip import Starts
from app.meetings import events as meetings
from app.meetings import handlers as meeting_handlers
from app.meetings import tasks as meeting_tasks
from app.meetings.unread import UnreadMessages
from app.notes import corrections, deleting, pipeline, publishing
from app.notes import events as notes
from app.notes import handlers as note_handlers
from app.notes import tasks as note_tasks
from app.notes.analysts.base import Analyst
from app.notes.embedders.base import Embedder
from app.notes.meeting_source import MeetingSource
from app.notes.providers import Canned
from app.notes.search import following
from app.notes.search import handlers as search_handlers
from app.notes.search.base import FullText, Likeness
from app.notes.sources import Sources
from app.notes.transcribers.base import Transcriber
from app.participants import events as participants
from app.participants import handlers as participant_handlers
from app.participants import tasks as participant_tasks
from app.participants.rtc import RtcConfiguration
from app.participants.throttling import CodeThrottle
from app.rate_limits import RateLimits
from app.recordings import events as recordings
from app.recordings import exports, local_tasks, local_tracks, renditions, retention
from app.recordings import handlers as recording_handlers
from app.recordings import service as recording_service
from app.recordings import tasks as recording_tasks
from app.recordings.recorders.base import Recorder
from app.recordings.recorders.mock import MockRecorder
from app.recordings.sharing import ShareThrottle
from app.recordings.stored import StoredRecordings
from app.recordings.worker import PLACE as PLACE_TRACK
from app.recordings.worker import WorkerRecordings
from app.signaling import events as signaling
from app.signaling.config import SettingsRtcConfiguration
from app.uploads import events as uploads
from app.uploads import service as upload_service
from app.uploads import tasks as upload_tasks
from app.uploads.quota import RecordedBytes
from app.webhooks import handlers as webhook_handlers
from app.webhooks import service as webhook_service
from app.webhooks import telling as webhook_telling
from app.webhooks.models import Webhook

log = structlog.get_logger()


def build(settings: Settings, clock: Clock | None = None) -> Runtime:
    """Everything that a process has at hand. Nothing is started: no thread, no connection."""
    database = Database(settings.database_address)
    runtime = Runtime(
        settings=settings,
        clock=clock or SystemClock(),
        database=database,
        bus=_bus(),
        wakeups=_wakeups(settings, database),
        jobs=_jobs(settings),
        tasks=_tasks(),
    )
    runtime.drivers.update(_drivers(settings))
    runtime.drivers.later(EventPublisher, lambda: _publisher(settings))
    runtime.drivers[Envelopes] = _envelopes(settings)
    runtime.drivers.later(Transcriber, lambda: _transcriber(settings))
    runtime.drivers.later(Canned, _canned)
    runtime.drivers.later(FullText, lambda: _full_text(settings))
    runtime.drivers.later(Embedder, lambda: _embedder(settings))
    runtime.drivers.later(Likeness, lambda: _likeness(runtime.drivers[Embedder]))
    runtime.drivers.later(Analyst, lambda: _analyst(settings))
    counters = _counters(settings, runtime.clock)
    runtime.drivers[Counters] = counters
    runtime.drivers[RateLimits] = RateLimits(settings, counters)
    runtime.drivers[LoginThrottle] = LoginThrottle(settings, counters)
    runtime.drivers[CodeThrottle] = CodeThrottle(settings, counters)
    runtime.drivers[ShareThrottle] = ShareThrottle(settings, counters)
    runtime.drivers[Wakeups] = runtime.wakeups
    runtime.drivers[ProcessBeat] = ProcessBeat(runtime, "api")
    runtime.figures.watch("parley_polls_parked", lambda: len(runtime.drivers[Parking].parked))
    if settings.otel_exporter_otlp_endpoint:
        from app.core import tracing

        runtime.tracing = tracing.begin(runtime)
    return runtime


def _drivers(settings: Settings) -> dict[type, Any]:
    part_urls = PartUrls(settings.address, lambda: keep_secret(settings.storage_dir, "part_urls"))
    return {
        PasswordHasher: Argon2Passwords(at_once=settings.password_hashes_in_use),
        Mailer: _mailer(settings),
        Providers: Providers(settings),
        Sealer: Sealer(lambda: _data_secret(settings), settings.former(settings.data_secrets_former)),
        SealedColumns: SealedColumns(
            Sealed(Integration, "sealed", lambda row: integrations.purpose(row.user_id, row.name)),
            Sealed(Webhook, "sealed_secret", lambda row: webhook_service.purpose(row.id)),
            Sealed(Webhook, "sealed_previous", lambda row: webhook_service.purpose(row.id)),
        ),
        ObjectStore: _objects(settings, part_urls),
        PartUrls: part_urls,
        FileUrls: FileUrls(
            settings.address, lambda: jwt_secret(settings), settings.former(settings.jwt_secrets_former)
        ),
        Parking: Parking(
            settings.poll_max_parked,
            settings.polls_that_may_block,
            settings.poll_max_per_user,
            settings.beat_every_s,
        ),
        RtcConfiguration: SettingsRtcConfiguration(),
        Starts: Starts(settings.whip_starts_in_use),
        UnreadMessages: ChatUnread(),
        Recorder: MockRecorder(),
        RunningRecordings: WorkerRecordings(),
        RecordedBytes: StoredRecordings(),
        Sources: Sources(MeetingSource(), CallSource()),
        Outside: Outside(),
    }


def _publisher(settings: Settings) -> EventPublisher:
    if settings.events_broker_url is None:
        from app.events.publishers.none import NoPublisher

        return NoPublisher()
    from app.events.publishers.rabbitmq import RabbitMqPublisher

    return RabbitMqPublisher(
        settings.events_broker_url.get_secret_value(), settings.events_exchange, settings.events_queue
    )


def _envelopes(settings: Settings) -> Envelopes:
    """:raises SettingsError: the key can't be used."""
    if settings.events_consumer_key is None:
        return Envelopes(None)
    try:
        return Envelopes(read_public_key(settings.events_consumer_key))
    except ValueError as error:
        raise SettingsError(f"EVENTS_CONSUMER_KEY: {error}") from None


def _transcriber(settings: Settings) -> Transcriber:
    if settings.transcriber == "local":
        from app.notes.transcribers.local import LocalTranscriber

        return LocalTranscriber()
    if settings.transcriber == "whisper":
        from app.notes.transcribers.whisper import WhisperTranscriber

        return WhisperTranscriber(Path(settings.transcriber_model))
    if settings.transcriber == "openai":
        from app.notes.transcribers.openai import OpenAiTranscriber

        key = settings.transcriber_key.get_secret_value() if settings.transcriber_key else None
        model, price = settings.transcriber_model, settings.transcriber_usd_per_minute
        return OpenAiTranscriber(settings.transcriber_url, key, model, price)
    from app.notes.transcribers.mock import MockTranscriber

    return MockTranscriber()


def _analyst(settings: Settings) -> Analyst:
    if settings.analyst == "local":
        from app.notes.analysts.local.analyst import LocalAnalyst

        return LocalAnalyst()
    if settings.analyst == "llm":
        from app.notes.analysts.llm.analyst import LlmAnalyst, Prices

        key = settings.analyst_key.get_secret_value() if settings.analyst_key else None
        prices = Prices(settings.analyst_usd_per_million_input_tokens, settings.analyst_usd_per_million_output_tokens)
        return LlmAnalyst(settings.analyst_url, key, settings.analyst_model, prices)
    from app.notes.analysts.mock import MockAnalyst

    return MockAnalyst()


def _full_text(settings: Settings) -> FullText:
    match read_database_url(settings.database_address).get_backend_name():
        case "sqlite":
            from app.notes.search.sqlite import SqliteFullText

            return SqliteFullText()
        case "postgresql":
            from app.notes.search.postgresql import PostgresqlFullText

            return PostgresqlFullText()
        case _:
            from app.notes.search.mariadb import MariadbFullText

            return MariadbFullText()


def _embedder(settings: Settings) -> Embedder:
    if settings.embedder == "openai":
        from app.notes.embedders.openai import OpenAiEmbedder

        key = settings.embedder_key.get_secret_value() if settings.embedder_key else None
        costs = settings.embedder_usd_per_million_tokens
        return OpenAiEmbedder(settings.embedder_url, key, settings.embedder_model, settings.embedder_threshold, costs)
    from app.notes.embedders.hashed import HashedEmbedder

    return HashedEmbedder()


def _likeness(embedder: Embedder) -> Likeness:
    from app.notes.search.vectors import Memory

    return Memory(embedder.name)


def _canned() -> Canned:
    from app.notes.analysts.mock import MockAnalyst
    from app.notes.transcribers.mock import MockTranscriber

    return Canned(MockTranscriber(), MockAnalyst())


def jwt_secret(settings: Settings) -> str:
    if settings.jwt_secret is not None:
        return settings.jwt_secret.get_secret_value()
    return keep_secret(settings.storage_dir, "jwt_secret")


def _data_secret(settings: Settings) -> str:
    if settings.data_secret is not None:
        return settings.data_secret.get_secret_value()
    return keep_secret(settings.storage_dir, "data_secret")


def _counters(settings: Settings, clock: Clock) -> Counters:
    in_process = InProcessCounters(clock)
    if settings.redis_url is None:
        return in_process
    from app.core.counters.redis import RedisCounters

    return RedisCounters(settings.redis_url.get_secret_value(), in_process)


def _mailer(settings: Settings) -> Mailer:
    if settings.smtp_url is None:
        from app.accounts.mail.log import LogMailer

        return LogMailer(shows_text=settings.profile != "production")
    from app.accounts.mail.smtp import SmtpMailer

    return SmtpMailer(settings.smtp_url.get_secret_value(), settings.mail_from)


def _objects(settings: Settings, part_urls: PartUrls) -> ObjectStore:
    if not settings.s3_endpoint or settings.s3_access_key is None or settings.s3_secret_key is None:
        return DiskObjectStore(settings.storage_dir / "objects", part_urls)
    from app.core.objects.s3 import S3ObjectStore

    page = urlsplit(settings.address)
    return S3ObjectStore(
        endpoint=settings.s3_endpoint,
        public_endpoint=settings.s3_public_endpoint,
        region=settings.s3_region,
        access_key=settings.s3_access_key.get_secret_value(),
        secret_key=settings.s3_secret_key.get_secret_value(),
        bucket=settings.s3_bucket,
        buckets=dict(pair.split("=", 1) for pair in settings.s3_buckets),
        origins=[f"{page.scheme}://{page.netloc}", *settings.cors_origins],
        abandoned_after=timedelta(hours=2 * settings.upload_keep_h),
        expire=_expiring(settings),
    )


def _expiring(settings: Settings) -> dict[str, timedelta]:
    if not settings.recording_keep_days:
        return {}
    return {"recordings/": timedelta(days=settings.recording_keep_days) + retention.STORE_MARGIN}


def _wakeups(settings: Settings, database: Database) -> Wakeups:
    # Imported where they are chosen: each brings a client that the others do without.
    if settings.wakeups_in_use == "redis" and settings.redis_url is not None:
        from app.core.wakeups.redis import RedisWakeups

        return RedisWakeups(settings.redis_url.get_secret_value())
    if settings.wakeups_in_use == "postgresql":
        from app.core.wakeups.postgresql import PostgresqlWakeups

        return PostgresqlWakeups(database.reader)
    if settings.wakeups_in_use == "udp":
        from app.core.wakeups.udp import UdpWakeups

        return UdpWakeups(settings.storage_dir)
    return InProcessWakeups()


def _jobs(settings: Settings) -> Jobs:
    if settings.jobs == "inline":
        return InlineJobs()
    if settings.celery_broker_url is None:
        return leased.LeasedJobs()
    from app.core.jobs.celery import CeleryJobs

    return CeleryJobs(settings)


def _bus() -> Bus:
    bus = Bus()
    bus.on(accounts.EmailVerified, invitation_handlers.attach_invitations)
    bus.on(accounts.SessionStarted, inbox_handlers.open_session_inbox)
    bus.on(accounts.SessionEnded, participant_handlers.leave_with_session, inbox_handlers.close_session_inbox)
    bus.on(accounts.SessionEnded, meeting_handlers.forget_guest, revocations.tell)
    bus.on(accounts.UserRenamed, inbox_handlers.rename_inboxes)
    bus.on(
        accounts.UserErased,
        meeting_handlers.cancel_meetings_of_erased_user,
        invitation_handlers.forget_invitee,
        participant_handlers.forget_name,
        participant_handlers.erase_alone,
        recording_handlers.forget_name,
        recording_handlers.revoke_shares,
        inbox_handlers.forget_name,
        calendar_handlers.revoke_feed,
        call_handlers.delete_with_account,
        webhook_handlers.delete_with_account,
    )

    bus.on(uploads.UploadChanged, inbox_handlers.tell_of_upload, recording_handlers.take_local_track)
    bus.on(inbox.OwnerReturned, participant_handlers.note_returned)

    bus.on(meetings.MeetingUpdated, invitation_handlers.ask_again_after_move, participant_handlers.admit_waiting)
    bus.on(meetings.MeetingUpdated, calendar_handlers.mail_update)
    bus.on(meetings.SeriesBegun, invitation_handlers.begin_series)
    bus.on(meetings.OccurrencesMade, invitation_handlers.admit_to_occurrences)
    bus.on(meetings.SeriesSplit, invitation_handlers.split_with_series)
    bus.on(meetings.SeriesChanged, invitation_handlers.ask_again_after_series_moved)
    # Where media goes is decided before those who wait are let in.
    bus.on(meetings.MeetingStarted, media_handlers.place, participant_handlers.admit_waiting)
    bus.on(meetings.MeetingStarted, recording_handlers.record_automatically)
    # The room is told that its recording stops before everybody's stay, and inbox, ends.
    bus.on(meetings.MeetingEnded, recording_handlers.stop_with_meeting, participant_handlers.empty_the_room)
    bus.on(meetings.MeetingEnded, chat_handlers.end_chat, recording_handlers.end_guests_sessions)
    bus.on(meetings.MeetingErased, chat_handlers.delete_with_meeting, recording_handlers.delete_with_meeting)
    bus.on(meetings.MeetingErased, note_handlers.delete_with_meeting)
    bus.on(meetings.MeetingCancelled, participant_handlers.empty_the_room, participant_handlers.end_guests_sessions)
    bus.on(meetings.MeetingCancelled, calendar_handlers.mail_cancellation)
    bus.on(meetings.SeriesChanged, calendar_handlers.mail_series_update)
    bus.on(meetings.SeriesCancelled, calendar_handlers.mail_series_cancellation)
    bus.on(invitations.InvitationChanged, participant_handlers.leave_with_invitation, calendar_handlers.mail_change)
    bus.on(invitations.InvitationRepeated, calendar_handlers.mail_again)

    bus.on(participants.ParticipantJoined, participant_handlers.introduce, participant_handlers.tell_waiting)
    bus.on(participants.ParticipantJoined, recording_handlers.note_first_people, recording_handlers.tell_newcomer)
    bus.on(participants.ParticipantJoined, chat_handlers.note_joined)
    bus.on(participants.ParticipantLeft, participant_handlers.tell_waiting)
    bus.on(participants.ParticipantLeft, participant_handlers.end_session_of_removed_guest)
    bus.on(participants.ParticipantLeft, media_handlers.unpublish_tracks, chat_handlers.note_left)
    bus.on(participants.ParticipantLeft, media_handlers.release)
    bus.on(
        participants.ParticipantReplaced,
        media_handlers.unpublish_tracks,
        media_handlers.forget_whip_session,
        recording_handlers.tell_newcomer,
    )
    bus.on(signaling.SignalToSfu, media_handlers.answer_as_mock)
    bus.on(media.MeetingMoved, recording_handlers.follow_meeting)

    bus.on(recordings.RecordingStarted, chat_handlers.note_recording("recording.started"))
    bus.on(recordings.RecordingStopped, chat_handlers.note_recording("recording.stopped"))
    bus.on(recordings.RecordingCompleted, chat_handlers.note_recording("recording.ready"))

    bus.on(notes.NotesProgressed, note_handlers.tell_progress)
    bus.on(notes.NotesReady, note_handlers.tell_ready)
    bus.on(notes.NotesFailed, note_handlers.tell_failed)

    bus.on(meetings.MeetingCreated, search_handlers.index_title)
    bus.on(meetings.MeetingUpdated, search_handlers.index_title)
    bus.on(meetings.OccurrencesMade, search_handlers.index_titles_of_occurrences)
    bus.on(meetings.SeriesBegun, search_handlers.index_titles_of_series)
    bus.on(meetings.SeriesChanged, search_handlers.index_titles_of_series)
    bus.on(chat.MessageChanged, search_handlers.index_message)
    bus.on(chat.ChatCleared, search_handlers.forget_chat)
    bus.on(notes.NotesReady, search_handlers.index_notes)
    bus.on(notes.NotesFailed, search_handlers.index_notes)
    bus.on(notes.TranscriptCorrected, search_handlers.index_notes)
    bus.on(accounts.UserErased, search_handlers.forget_name)

    # What the outside learns of: last, for the meeting's other writers wait from then on.
    bus.on(accounts.UserRegistered, event_handlers.user_registered)
    bus.on(accounts.UserErased, event_handlers.user_erased)
    bus.on(meetings.MeetingCreated, event_handlers.meeting_created)
    bus.on(meetings.MeetingUpdated, event_handlers.meeting_updated)
    bus.on(meetings.MeetingStarted, event_handlers.meeting_started)
    bus.on(meetings.MeetingEnded, event_handlers.meeting_ended)
    bus.on(meetings.MeetingCancelled, event_handlers.meeting_cancelled)
    bus.on(meetings.MeetingErased, event_handlers.meeting_deleted)
    bus.on(meetings.SeriesBegun, event_handlers.series_begun)
    bus.on(meetings.OccurrencesMade, event_handlers.series_extended)
    bus.on(meetings.SeriesChanged, event_handlers.series_updated)
    bus.on(meetings.SeriesSplit, event_handlers.series_split)
    bus.on(meetings.SeriesCancelled, event_handlers.series_cancelled)
    bus.on(invitations.InvitationChanged, event_handlers.invitation_changed)
    bus.on(participants.ParticipantJoined, event_handlers.participant_joined)
    bus.on(participants.ParticipantLeft, event_handlers.participant_left)
    bus.on(recordings.RecordingStarted, event_handlers.recording_started)
    bus.on(recordings.RecordingStopped, event_handlers.recording_stopped)
    bus.on(recordings.RecordingCompleted, event_handlers.recording_completed)
    bus.on(recordings.RecordingGivenUp, event_handlers.recording_failed)
    bus.on(recordings.RecordingDeleted, event_handlers.recording_deleted)
    bus.on(notes.NotesReady, event_handlers.notes_ready)
    bus.on(notes.NotesFailed, event_handlers.notes_failed)
    bus.on(notes.TranscriptCorrected, event_handlers.transcript_corrected)
    bus.on(uploads.UploadChanged, event_handlers.upload_changed)
    bus.on(calls.CallReceived, event_handlers.call_received)
    bus.on(calls.CallDeleted, event_handlers.call_deleted)
    return bus


def _tasks() -> Tasks:
    tasks = Tasks()
    tasks.add(links.SEND_VERIFICATION, account_tasks.send_verification)
    tasks.add(links.SEND_RESET, account_tasks.send_reset)
    tasks.add(account_tasks.SWEEP, account_tasks.sweep, every_s=account_tasks.SWEEP_EVERY_S)
    tasks.add("participants.sweep", participant_tasks.sweep_presence, every_s=participant_tasks.SWEEP_EVERY_S)
    tasks.add(participant_tasks.ERASE_ALONE, participant_tasks.erase_alone)
    tasks.add("meetings.end_empty", meeting_tasks.end_empty, every_s=10)
    tasks.add("meetings.remind", meeting_tasks.remind, every_s=30)
    tasks.add(meeting_tasks.WATCH_TIME, meeting_tasks.watch_time, every_s=meeting_tasks.WATCH_TIME_EVERY_S)
    tasks.add(meeting_tasks.EXTEND, meeting_tasks.extend_series, every_s=meeting_tasks.EXTEND_EVERY_S)
    tasks.add(calendar_tasks.SEND, calendar_tasks.send_mail)
    tasks.add(calendar_tasks.TELL, calendar_tasks.tell_invited)
    tasks.add(recording_tasks.BEGIN, recording_tasks.begin)
    tasks.add(recording_service.PRODUCE, recording_tasks.produce)
    tasks.add(recording_service.DELETE_OBJECTS, recording_tasks.delete_objects)
    tasks.add_heavy(PLACE_TRACK, "app.recordings.composing_task:place_track")
    tasks.add_heavy(renditions.COMPOSE, "app.recordings.composing_task:compose")
    tasks.add_heavy(exports.EXPORT, "app.recordings.exports_task:export")
    tasks.add(recording_tasks.WATCH, recording_tasks.watch, every_s=recording_tasks.WATCH_EVERY_S)
    tasks.add(recording_tasks.SWEEP, recording_tasks.sweep, every_s=recording_tasks.SWEEP_EVERY_S)
    tasks.add(local_tracks.TAKE, local_tasks.take)
    tasks.add(local_tasks.WATCH, local_tasks.watch, every_s=local_tasks.WATCH_EVERY_S)
    tasks.add(local_tasks.SWEEP, local_tasks.sweep, every_s=local_tasks.SWEEP_EVERY_S)
    tasks.add(upload_service.FINISH, upload_tasks.finish)
    tasks.add(upload_service.DISCARD, upload_tasks.discard)
    tasks.add(upload_tasks.SWEEP, upload_tasks.sweep, every_s=upload_tasks.SWEEP_EVERY_S)
    for stage in pipeline.ORDER:
        tasks.add_heavy(pipeline.task_of(stage), "app.notes.stage_task:run", queue=pipeline.QUEUES.get(stage))
    tasks.add(deleting.DELETE_OBJECTS, deleting.run)
    tasks.add(following.FOLLOW, following.follow, every_s=following.FOLLOW_EVERY_S)
    tasks.add_heavy(following.EMBED, "app.notes.search.following:embed", queue="embedding")
    tasks.add(corrections.REPUBLISH, publishing.republish)
    tasks.add(note_tasks.SWEEP, note_tasks.sweep, every_s=note_tasks.SWEEP_EVERY_S)
    tasks.add(media_workers.SETTLE, media_tasks.settle)
    tasks.add(media_tasks.WATCH, media_tasks.watch, every_s=media_tasks.WATCH_EVERY_S)
    tasks.add(media_tasks.ATTEND, media_tasks.attend, every_s=media_tasks.ATTEND_EVERY_S)
    tasks.add("inbox.purge", inbox_service.purge, every_s=300)
    tasks.add("events.purge", event_service.purge, every_s=3600)
    tasks.beside.append(event_relay.run)
    tasks.add(webhook_telling.MAIL, webhook_telling.mail_paused)
    tasks.add("webhooks.purge", webhook_service.purge, every_s=3600)
    tasks.add_beside("app.webhooks.feeding:run")
    tasks.add_beside("app.webhooks.sending:run")
    tasks.add("idempotency.purge", idempotency.purge, every_s=3600)
    tasks.add("audit.purge", audit.purge, every_s=3600)
    tasks.add("jobs.purge", leased.purge, every_s=3600)
    return tasks
