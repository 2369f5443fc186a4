"""Every setting of Parley, read from the environment and `.env`, once, here and nowhere else.

The README's table and `.env.example` are generated from these fields (`flask settings table|env`), so the
description is written for the person who sets it. A wrong value stops the start with a message that names the setting.
"""

import os
from email.utils import parseaddr
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from app.core.database_url import read_database_url
from app.core.rates import read_rate
from app.core.sign_in_providers import OidcProvider, read_providers


def _checked_rate(text: str) -> str:
    read_rate(text)
    return text


CommaList = tuple[str, ...]
RateText = Annotated[str, AfterValidator(_checked_rate)]

LONGEST_CHAT_TEXT = 16_000  # characters; MariaDB's TEXT holds 65,535 bytes
_BROKER_NAME = r"^[A-Za-z0-9_.:-]{1,100}$"
SHORTEST_SECRET = 32  # characters; RFC 7518 §3.2: an HS256 key has at least 256 bits


class SettingsError(Exception):
    """A setting is missing or wrong. The message has one line per setting, each beginning with its name."""


class Settings(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    # Who runs it
    profile: Literal["embedded", "production", "qa"] = Field(
        "embedded",
        description="`embedded` makes its own secrets in STORAGE_DIR; `production` refuses to start without them; "
        "`qa` is embedded with mocked media; whoever reaches it may empty it, move its clock and make it fail.",
    )
    debug: bool = Field(False, description="Tracebacks in the log's plain form and reloading; never in production.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Least level that is logged.")
    log_format: Literal["json", "console"] = Field(
        "json", description="`json`: one object a line; `console`: for people."
    )

    # Where it listens, where it is reached
    host: str = Field("127.0.0.1", description="Address to listen on.")
    qa_beyond_this_machine: bool = Field(
        False, description="Let the QA profile listen on a HOST that others reach: they may do all that testers may."
    )
    port: int = Field(8080, ge=1, le=65535, description="Port to listen on.")
    public_url: str = Field(
        "",
        description="Address that people use, for links in mails and join URLs. Empty: `http://HOST:PORT`.",
    )
    cors_origins: CommaList = Field(
        (), description="Origins of web pages that may call the API, with commas between; `*` for any."
    )
    workers: int = Field(1, ge=1, le=64, description="Processes of the API; on SQLite more than one rarely helps.")
    web_threads: int = Field(
        16, ge=2, le=1000, description="Threads that run requests in each process; parked polls hold none."
    )
    request_max_bytes: int = Field(
        1_048_576,
        ge=1024,
        description="Longest request body, in bytes; a longer one is 413 `payload_too_large`.",
    )
    request_head_s: float = Field(
        20, gt=0, description="Seconds in which a connection must bring a request's head; then it is closed."
    )
    request_body_s: float = Field(
        30, gt=0, description="Seconds in which a request's body must be there; later it is 408 `request_timeout`."
    )
    request_head_max_bytes: int = Field(
        32_768, ge=4096, description="Longest line and headers of a request, in bytes; longer are 431 `head_too_large`."
    )
    response_stall_s: float = Field(
        60, gt=0, description="Seconds in which a client must take some of its answer; then its connection is closed."
    )
    trusted_proxies: int = Field(
        0,
        ge=0,
        le=10,
        description="Reverse proxies in front, one behind the other, that add to `X-Forwarded-For`. 0: the header is "
        "anybody's word, and not read.",
    )

    metrics_token: SecretStr = Field(
        SecretStr(""), description="Bearer token that `/metrics` is read with. Empty: there is none."
    )
    metrics_addresses: CommaList = Field(
        (),
        description="Addresses and networks that may read `/metrics` without a token, such as `10.0.0.0/8`. Behind a "
        "proxy set `TRUSTED_PROXIES`, too.",
    )

    otel_exporter_otlp_endpoint: str = Field(
        "",
        description="Collector of OpenTelemetry that gets traces by OTLP over HTTP, such as `http://127.0.0.1:4318`. "
        "Empty: none are made.",
    )
    otel_exporter_otlp_headers: SecretStr = Field(
        SecretStr(""), description="Headers for it, such as `api-key=…`, with commas between."
    )
    otel_traces_ratio: float = Field(1, ge=0, le=1, description="Which part of all traces is kept.")

    sentry_dsn: SecretStr | None = Field(
        None,
        description="Server that errors are reported to by Sentry's protocol, `https://key@errors.example.org/1`. "
        "Empty: they are in the log alone.",
    )

    # How often
    rate_limit_user: RateText = Field(
        "1200/minute", description="Requests of one user, but polls and signals; this and all below: or `off`."
    )
    rate_limit_signals: RateText = Field("3000/minute", description="Requests with signals of one user.")
    rate_limit_address: RateText = Field(
        "3000/minute", description="Requests without a valid token from one address (IPv6: from one /64)."
    )
    rate_limit_register: RateText = Field("300/hour", description="Registrations from one address.")
    rate_limit_login: RateText = Field("300/minute", description="Sign-ins from one address, right or wrong.")
    rate_limit_refresh: RateText = Field("1200/minute", description="Refreshes of tokens from one address.")
    rate_limit_mails: RateText = Field("60/hour", description="Mails asked for from one address, or by one user.")
    rate_limit_password: RateText = Field("30/hour", description="Requests of one user that carry their password.")
    rate_limit_people: RateText = Field(
        "120/minute", description="Searches by one user, for people and for what was said."
    )
    rate_limit_uploads: RateText = Field("600/hour", description="Uploads begun by one user.")
    rate_limit_chat: RateText = Field("120/minute", description="Chat messages, edits and reactions of one user.")
    rate_limit_stats: RateText = Field("60/minute", description="Summaries of one user of how their calls go.")
    rate_limit_invitations: RateText = Field("300/hour", description="Requests with invitations by one user.")
    rate_limit_shares: RateText = Field("300/minute", description="Openings of shared recordings from one address.")
    rate_limit_webhooks: RateText = Field(
        "120/hour", description="Webhooks made, tested, resumed and sent to anew by one user."
    )
    rate_limit_codes: RateText = Field(
        "300/minute", description="Requests with a meeting's code from one address, or of one user."
    )
    login_failures_device: RateText = Field(
        "10/15 minutes", description="Wrong passwords for one account from one address, or from one device known to it."
    )
    login_failures_address: RateText = Field(
        "100/15 minutes", description="Wrong passwords for any accounts from one address, devices known to them apart."
    )
    login_failures_account: RateText = Field(
        "30/hour", description="Wrong passwords for one account from anywhere, devices and addresses known to it apart."
    )
    code_failures_address: RateText = Field(
        "50/15 minutes", description="Codes that open no meeting, from one address."
    )
    share_failures_address: RateText = Field(
        "50/15 minutes", description="Links to recordings that open nothing, from one address."
    )
    share_failures_link: RateText = Field(
        "20/15 minutes", description="Wrong passcodes for one link to a recording, from anywhere."
    )

    # What it keeps
    storage_dir: Path = Field(Path("storage"), description="Folder of everything that a running system writes.")
    database_url: str = Field(
        "",
        description="`postgresql://user:password@host/name`, `mysql://…`, `mariadb://…` or `sqlite:///path`. "
        "Empty: SQLite in `STORAGE_DIR/meetings.db`.",
    )
    disk_low_bytes: int = Field(
        536_870_912,
        ge=0,
        description="Free bytes where STORAGE_DIR is, below which `/health/ready` is `degraded` by `disk`. 0: never.",
    )
    signals_keep_acked_h: float = Field(1, ge=0, description="Hours that acknowledged inbox messages are kept.")
    signals_keep_ended_h: float = Field(24, ge=0, description="Hours that a closed inbox is kept.")
    idempotency_keep_h: float = Field(
        24, gt=0, description="Hours in which a repeated `Idempotency-Key` answers as before."
    )
    events_keep_days: float = Field(
        30, gt=0, description="Days that the log of events is kept; what a broker still has to get stays longer."
    )
    audit_keep_days: float = Field(
        365, gt=0, description="Days that it is kept what hosts and admins did, and from which address."
    )
    events_broker_url: SecretStr | None = Field(
        None,
        description="RabbitMQ that gets every event, `amqp://user:password@host:5672/vhost` or `amqps://`; see "
        "docs/events.md. Empty: events are read over REST alone.",
    )
    events_exchange: str = Field(
        "meetings", pattern=_BROKER_NAME, description="Its topic exchange; two Parleys on one broker need two."
    )
    events_queue: str = Field(
        "meetings.events", pattern=_BROKER_NAME, description="Its durable queue, which gets all events."
    )
    events_consumer_key: Path | None = Field(
        None,
        description="File with the public key, PEM or JWK, of who reads that queue: `recording.completed` brings "
        "people's integrations, encrypted with it. Empty: it brings none.",
    )

    # Webhooks
    webhooks_max: int = Field(10, ge=0, description="Most webhooks of one person.")
    webhook_http: bool = Field(False, description="Let webhooks have `http://` too: what is sent is read on its way.")
    webhook_networks: CommaList = Field(
        (),
        description="Networks that are not public and that webhooks may lead to all the same, such as `10.1.0.0/16`; "
        "whoever has an account can have requests sent there.",
    )
    webhook_time_s: float = Field(
        15, gt=0, le=60, description="Seconds that one delivery may take, from looking up the name to the answer."
    )
    webhook_answer_bytes: int = Field(
        1_024, ge=0, le=65_536, description="Bytes of an answer that are read, and kept in the log of deliveries."
    )
    webhook_retry_s: CommaList = Field(
        ("5", "300", "1800", "7200", "18000", "36000", "50400"),
        description="Seconds from each failed attempt to the next, in turn, each up to a tenth longer: by default as "
        "Standard Webhooks has it, for 31 hours. Who has taken nothing in all that time is paused.",
    )
    webhook_senders: int = Field(
        16, ge=2, le=200, description="Deliveries at once, in one jobs process; of one webhook a quarter of them."
    )
    webhook_log_days: float = Field(
        14,
        gt=0,
        description="Days that deliveries are kept, those too that wait; at most as long as EVENTS_KEEP_DAYS.",
    )

    # Files
    upload_part_bytes: int = Field(
        8_388_608,
        ge=5_242_880,
        le=1_073_741_824,
        description="Size of an upload's parts, in bytes; of files with more than 10,000 such parts they are larger.",
    )
    upload_url_min: float = Field(60, gt=0, le=10_080, description="Minutes that a part's signed address can be used.")
    upload_stall_s: float = Field(
        30, gt=0, description="Seconds in which some more of a part must come; later it is 408 `request_timeout`."
    )
    upload_keep_h: float = Field(
        48, gt=0, description="Hours after which an upload that is not gone on with, or not used, is forgotten."
    )
    uploads_open_max: int = Field(50, ge=1, description="Most uploads of one user that are unfinished or unused.")
    uploads_open_max_bytes: int = Field(
        21_474_836_480, ge=1, description="Most bytes of one user's uploads that are unfinished or unused."
    )
    storage_quota_bytes: int = Field(
        0,
        ge=0,
        description="Most bytes of one user's files and recordings; beyond it no recording and no upload begins. 0: no "
        "limit.",
    )
    storage_total_bytes: int = Field(
        0,
        ge=0,
        description="Most bytes of all users' files and recordings together; beyond it no recording and no upload "
        "begins. 0: no limit but the disk's.",
    )
    chat_file_max_bytes: int = Field(268_435_456, ge=1, description="Largest file of the chat, in bytes.")
    recording_track_max_bytes: int = Field(8_589_934_592, ge=1, description="Largest track of a recording, in bytes.")
    call_audio_max_bytes: int = Field(
        2_147_483_648, ge=1, description="Largest recording of a call made elsewhere, in bytes."
    )

    s3_endpoint: str = Field(
        "",
        description="Store of files that speaks S3, such as `https://s3.example.org`. Empty: `STORAGE_DIR/objects`.",
    )
    s3_public_endpoint: str = Field(
        "", description="Where clients reach the same store, for signed addresses. Empty: S3_ENDPOINT."
    )
    s3_region: str = Field("us-east-1", description="Region of the store; Ceph's is `default`.")
    s3_access_key: SecretStr | None = Field(None, description="Key of the store; needed with S3_ENDPOINT.")
    s3_secret_key: SecretStr | None = Field(None, description="Its secret; needed with S3_ENDPOINT.")
    s3_bucket: str = Field("parley", description="Bucket of all files; made if it is missing.")
    s3_buckets: CommaList = Field(
        (),
        description="Buckets of some kinds of files, such as `chat=parley-chat,recordings=parley-recordings`; the "
        "others are in S3_BUCKET. Kinds: chat, recordings, transcripts, calls.",
    )
    download_url_min: float = Field(
        15, gt=0, le=10_080, description="Minutes that a store's signed address of a file can be used."
    )

    # Accounts
    jwt_secret: SecretStr | None = Field(
        None,
        description=f"Key that signs tokens and addresses of files, {SHORTEST_SECRET} characters at least. Embedded: "
        "made at first start; production: must be set.",
    )
    data_secret: SecretStr | None = Field(
        None,
        description=f"Key that encrypts what people entrust to their account, {SHORTEST_SECRET} characters at least. "
        "Embedded: made at first start; production: must be set.",
    )
    jwt_secrets_former: SecretStr = Field(
        SecretStr(""),
        description="What JWT_SECRET was before, with commas between: what was signed with them is good "
        "until it expires.",
    )
    data_secrets_former: SecretStr = Field(
        SecretStr(""),
        description="What DATA_SECRET was before, the same: until `flask secrets reseal` has been run.",
    )
    access_token_min: float = Field(15, gt=0, le=1440, description="Minutes that an access token lives.")
    refresh_token_days: float = Field(
        30, gt=0, le=365, description="Days that a refresh token, and so a session, lives."
    )
    refresh_grace_s: float = Field(
        30,
        ge=0,
        le=600,
        description="Seconds in which a refresh token whose answer was lost may be sent again; 0: using one twice "
        "always ends the session.",
    )
    integrations_max: int = Field(20, ge=0, le=200, description="Most integrations of one person.")
    guest_session_h: float = Field(
        24, gt=0, le=8760, description="Hours that a guest's session lives without a refresh; it ends with the meeting."
    )
    guests_keep_days: float = Field(
        30, ge=0, description="Days after the end of a guest's session until name and browser are erased."
    )
    auto_verify_email: bool | None = Field(
        None,
        description="Count an address as verified at registration. Empty: only where no mail can be sent "
        "(no SMTP_URL) and the profile is not production.",
    )
    password_hashes_at_once: int = Field(
        4,
        ge=1,
        le=64,
        description="Passwords hashed at a time in each process, 64 MiB each; as many more wait, and others are 503.",
    )
    smtp_url: SecretStr | None = Field(
        None,
        description="`smtp://user:password@host:port`, or `smtps://`. Empty: mails are written to the log.",
    )
    mail_from: str = Field("Parley <parley@localhost>", description="Sender of mails.")
    oidc_providers: dict[str, OidcProvider] = Field(
        {},
        description='Sign-in by OpenID Connect: `{"google": {"client_id": "…", "client_secret": "…"}}`, and any other '
        "provider with its `discovery_url`; see docs/operations.md.",
    )
    oidc_return_uris: CommaList = Field(
        (),
        description="Addresses of apps that a browser may go back to after signing in with a provider, such as "
        "`com.example.meet:/signed-in`, with commas between; each exactly.",
    )

    # Meetings and presence
    default_media_mode: Literal["", "auto", "sfu", "p2p", "mock"] = Field(
        "", description="Mode of meetings that name none. Empty: `auto`; in the QA profile `mock`."
    )
    guests_allowed: bool = Field(
        True, description="Whether the link of a new meeting lets guests in, where its host says nothing about it."
    )
    presence_reconnecting_s: float = Field(15, gt=0, description="Seconds without a poll until `reconnecting`.")
    presence_left_s: float = Field(60, gt=0, description="Seconds without a poll until `left`.")
    presence_grace_s: float = Field(
        60, ge=0, description="Seconds that the API must have been up before anybody is counted as gone."
    )
    empty_end_min: float = Field(5, ge=0, description="Minutes after which an empty live meeting ends by itself.")
    meeting_max_min: float = Field(
        1440,
        ge=0,
        description="Minutes after which a live meeting ends by itself, whatever it asked for; 0: never.",
    )
    ending_told_min: float = Field(
        5, ge=0, description="Minutes before the end of its time that a meeting's people are told of it; 0: never."
    )
    reminder_min: float = Field(10, ge=0, description="Minutes before its start that a meeting is announced; 0: never.")
    series_horizon_days: int = Field(
        90, ge=1, le=366, description="Days ahead that the occurrences of a series are made."
    )
    series_occurrences_max: int = Field(
        500, ge=1, le=5000, description="Most occurrences of a series that has an end; one without goes on."
    )
    invitations_max: int = Field(500, ge=1, description="Most invitations of one meeting.")
    participants_max: int = Field(200, ge=2, description="Most people in one meeting at a time.")
    lobby_denials_max: int = Field(
        3, ge=1, description="Times that a meeting's hosts deny a person entry until that person can't ask again."
    )

    # Chat
    chat_text_max: int = Field(
        4_000, ge=1, le=LONGEST_CHAT_TEXT, description="Longest text of a chat message, in characters."
    )
    chat_reactions_max: int = Field(20, ge=1, le=100, description="Most different emojis on one chat message.")

    # Signaling
    stun_urls: CommaList = Field((), description="STUN servers for clients, such as `stun:stun.example.org:3478`.")
    turn_urls: CommaList = Field(
        (),
        description="TURN servers for clients, such as `turn:turn.example.org:3478?transport=udp,turns:…`.",
    )
    turn_secret: SecretStr | None = Field(None, description="coturn's `static-auth-secret`; needed with TURN_URLS.")
    turn_ttl_s: int = Field(86_400, ge=60, description="Seconds that TURN credentials live.")
    poll_default_wait_s: float = Field(25, ge=0, le=55, description="Wait of an inbox poll that names none.")
    poll_max_wait_s: float = Field(
        55,
        ge=0,
        le=55,
        description="Longest wait of an inbox poll; routers and proxies drop HTTP that is idle for a minute.",
    )
    poll_max_parked: int = Field(
        10_000, ge=1, description="Most polls parked in one process; beyond that they are answered at once."
    )
    poll_max_per_user: int = Field(
        50, ge=1, description="Most polls open at once of one user in one process; another is 429 `too_many_polls`."
    )
    inbox_max_unacked: int = Field(500, ge=10, description="Messages an inbox holds unacknowledged before it is full.")
    sdp_max_bytes: int = Field(65_536, ge=1024, description="Longest SDP in a signal, in bytes.")
    sfu_sdp_max_bytes: int = Field(
        262_144,
        ge=1024,
        description="The same in a meeting on a media worker, whose offers have an m-line for each track of the room.",
    )
    candidate_max_bytes: int = Field(2_048, ge=256, description="Longest payload of other signals, in bytes.")
    signal_batch_max: int = Field(50, ge=1, le=500, description="Most signals in one request.")

    # Media workers
    media_workers: int | None = Field(
        None, ge=0, le=64, description="Media workers that `make run` starts. Empty: 1; in the QA profile none."
    )
    media_port: int = Field(
        0,
        ge=0,
        le=65_000,
        description="UDP port of the first media worker, the next one's is the next. 0: ports of the system's choice.",
    )
    media_lease_s: float = Field(
        6,
        ge=1,
        le=300,
        description="Seconds of a media worker's silence after which its meetings move; it speaks four times as often.",
    )
    media_full_load: float = Field(
        0.9,
        gt=0,
        le=1,
        description="Load from which on a media worker gets no more meetings and begins no more recordings; 1 is all "
        "that it can carry. What it carries goes on.",
    )
    whip_answer_s: float = Field(
        5, gt=0, le=30, description="Seconds that a WHIP or WHEP session waits for the media server's answer; then 503."
    )
    whip_starts_at_once: int = Field(
        4,
        ge=1,
        le=1000,
        description="WHIP and WHEP sessions that begin at once in one process; another is 503. Each holds a thread, at "
        "most half of `WEB_THREADS`.",
    )
    worker_inbox_max_unacked: int = Field(
        10_000, ge=100, description="Messages a media worker's inbox holds unacknowledged before it is full."
    )

    call_stats_every_s: float = Field(
        20,
        ge=0,
        le=3600,
        description="Seconds after which each device tells again how its call goes; 0: they tell nothing.",
    )

    # Several processes
    wakeups: Literal["", "in_process", "udp", "postgresql", "redis"] = Field(
        "",
        description="How processes tell each other that there is something new. Empty: `redis` where REDIS_URL is set, "
        "`postgresql` where DATABASE_URL names one, else `udp`, which reaches the processes of one machine. "
        "`in_process`: there is only one.",
    )
    redis_url: SecretStr | None = Field(
        None, description="`redis://:password@host:6379/0`, or `rediss://` for TLS. Empty: no Redis is used."
    )

    # Recordings and jobs
    mock_recorder: bool = Field(
        False,
        description="Let the mock recorder (a small generated file) run in every meeting, not only in `mock` mode.",
    )
    recordings_running_max: int = Field(
        50, ge=0, description="Most recordings that run at a time in the meetings of one owner. 0: no limit."
    )
    recordings_running_total_max: int = Field(
        500, ge=0, description="Most recordings that run at a time in all; another is 503 `overloaded`. 0: no limit."
    )
    recording_confirm_s: float = Field(
        20, gt=0, description="Seconds in which a media worker must begin to record; then the recording has failed."
    )
    recording_tracks_wait_s: float = Field(
        120,
        gt=0,
        description="Seconds without a word after which a stopped recording is made of the tracks that are there, "
        "if its media worker is gone.",
    )
    recording_uploads_wait_min: float = Field(
        360, gt=0, description="The same in minutes, while its media worker is there: it may be sending large files."
    )
    recording_tracks_max: int = Field(
        2_000, ge=1, description="Most files of one recording: one for each track that anybody published."
    )
    local_tracks: bool = Field(
        True,
        description="Let participants record themselves; without, a meeting that is peer to peer can't be recorded.",
    )
    local_tracks_max: int = Field(
        100, ge=1, description="Most files of one participant in one recording: one each time a device is switched on."
    )
    local_tracks_max_bytes: int = Field(
        34_359_738_368, ge=1, description="Most bytes of all of them, of one participant in one recording."
    )
    local_tracks_wait_min: float = Field(
        30,
        gt=0,
        description="Minutes that a stopped recording waits for what participants still send; what comes later "
        "makes it anew.",
    )
    local_tracks_accept_h: float = Field(
        72, gt=0, description="Hours after the end of a recording in which participants' own tracks are taken."
    )
    recording_compose_attempts: int = Field(
        5, ge=1, le=12, description="Times that a composition, or an export, is tried before it has failed."
    )
    recording_compose_threads: int = Field(
        0,
        ge=0,
        le=64,
        description="Threads that encode a composition; 0: as many as the machine has cores. It yields to all else.",
    )
    recording_keep_days: float = Field(
        0,
        ge=0,
        description="Days after their end that recordings are deleted, with all their files; a meeting may have them "
        "deleted sooner. 0: never.",
    )
    recording_url_h: float = Field(
        6, gt=0, le=168, description="Hours that a signed address of a recording's or a call's file can be used."
    )
    shares_max: int = Field(50, ge=1, description="Most links of one recording that open it at a time.")
    share_max_days: float = Field(90, gt=0, description="Most days until a link to a recording expires.")
    share_url_min: float = Field(
        30,
        gt=0,
        le=1440,
        description="Minutes that an address of a shared recording can be used; the page asks for another in time.",
    )
    recording_renditions_max: int = Field(
        20, ge=1, description="Most compositions of one recording; the layouts that people ask for count."
    )
    worker_uploads_open_max: int = Field(
        5_000, ge=1, description="Most uploads of a media worker's account that are unfinished or unused."
    )
    worker_uploads_open_max_bytes: int = Field(1_099_511_627_776, ge=1, description="Most bytes of such uploads.")
    transcriber: Literal["mock", "local", "whisper", "openai"] = Field(
        "local",
        description="Who transcribes what was really recorded: `local` understands English on this machine, `whisper` "
        "runs a model of yours, `openai` asks the server at TRANSCRIBER_URL, `mock` has canned meetings.",
    )
    transcriber_url: str = Field(
        "",
        description="Server with OpenAI's `/audio/transcriptions`, such as `https://stt.example.org/v1`; it hears what "
        "people said.",
    )
    transcriber_key: SecretStr | None = Field(None, description="Its key. Empty: it needs none.")
    transcriber_model: str = Field(
        "",
        description="Which of its models listens; with `whisper` the folder of a CTranslate2 model. Needed with both.",
    )
    transcriber_usd_per_minute: float | None = Field(
        None, ge=0, description="What a minute costs with `openai`. Empty: the cost of a transcript is unknown."
    )
    transcriber_voices_max: int = Field(
        2,
        ge=1,
        le=8,
        description="Most people who are told apart by their voices in a call in mono; experimental. 1: nobody is.",
    )
    analyst: Literal["mock", "local", "llm"] = Field(
        "local",
        description="Who reads transcripts: `local` reads English by rules on this machine, `llm` asks the model at "
        "ANALYST_URL, `mock` has canned notes.",
    )
    analyst_url: str = Field(
        "",
        description="Server with OpenAI's `/chat/completions`, such as `https://llm.example.org/v1`; it is told what "
        "people said.",
    )
    analyst_key: SecretStr | None = Field(None, description="Its key. Empty: it needs none.")
    analyst_model: str = Field("", description="Which of its models reads transcripts; needed with `llm`.")
    analyst_usd_per_million_input_tokens: float | None = Field(
        None, ge=0, description="What that model's input costs. Empty: the cost of an analysis is unknown."
    )
    analyst_usd_per_million_output_tokens: float | None = Field(
        None, ge=0, description="What its answers cost, in the same way."
    )
    embedder: Literal["hashed", "openai"] = Field(
        "hashed",
        description="What a search finds besides words: `hashed` what is spelt alike, on this machine; `openai` what "
        "the model at EMBEDDER_URL takes for alike.",
    )
    embedder_url: str = Field(
        "",
        description="Server with OpenAI's `/embeddings`, such as `https://llm.example.org/v1`; it is told what people "
        "said and wrote, and what is searched for.",
    )
    embedder_key: SecretStr | None = Field(None, description="Its key. Empty: it needs none.")
    embedder_model: str = Field(
        "", description="Which of its models; needed with `openai`. With another, all is made anew."
    )
    embedder_threshold: float = Field(
        0.3,
        gt=0,
        lt=1,
        description="How alike two texts are at least, as that model has it, to have to do with each other.",
    )
    embedder_usd_per_million_tokens: float | None = Field(
        None, ge=0, description="What that model costs. Empty: the cost is unknown."
    )
    notes_attempts: int = Field(
        5,
        ge=1,
        le=12,
        description="Times that a stage of notes, such as transcribing a track, is tried at most.",
    )
    notes_sounds_keep_days: float = Field(
        7,
        gt=0,
        description="Days that the sounds of notes that failed are kept for whoever goes on with them: 115 MB for each "
        "hour of a track. Afterwards they are made anew.",
    )
    notes_budget_usd: float = Field(
        0,
        ge=0,
        description="Most USD that providers of transcripts and notes may cost one account in a month; "
        "then they stop. 0: no limit.",
    )
    transcription_month_min: float = Field(
        0, ge=0, description="Most minutes of sound that are transcribed for one account in a month. 0: no limit."
    )
    transcription_month_total_min: float = Field(0, ge=0, description="The same of all accounts together. 0: no limit.")
    jobs_waiting_max: int = Field(
        5_000,
        ge=0,
        description="Jobs that may be due and wait; while there are more, new recordings, notes, calls, compositions "
        "and exports are 503 `overloaded`. 0: as many as come.",
    )
    jobs_behind_max_min: float = Field(
        240, ge=0, description="Minutes that the first of them may have waited; longer is the same. 0: for ever."
    )
    overloaded_retry_s: int = Field(
        30, ge=1, description="Seconds that `Retry-After` tells to whoever was refused for that."
    )
    jobs: Literal["leased", "inline"] = Field(
        "leased",
        description="`leased`: a process of its own works off a table; `inline`: within the request (tests).",
    )
    celery_broker_url: SecretStr | None = Field(
        None,
        description="Broker of Celery workers, which do the heavy work of notes, on other machines too: "
        "`amqp://user:password@host:5672/vhost`, `redis://:password@host:6379/1`, or any other that Celery knows. "
        "Empty: the jobs process does it.",
    )
    celery_queue_prefix: str = Field(
        "",
        pattern=r"^[A-Za-z0-9_.-]{0,50}$",
        description="Begins the names of its queues, where two Parleys share a broker: with `staging.` they are "
        "`staging.transcription` and so on.",
    )
    celery_concurrency: int = Field(
        2, ge=1, le=64, description="Jobs that a Celery worker runs at once, each in a process."
    )
    celery_max_tasks_per_child: int = Field(
        1_000, ge=1, description="Jobs after which such a process ends and another takes its place; the log tells."
    )
    celery_time_limit_s: int = Field(
        3_600,
        ge=2,
        description="Seconds after which a Celery worker kills a job; its `last_error` says so, and it is tried again.",
    )
    celery_untaken_min: float = Field(
        5,
        gt=0,
        description="Minutes that a job waits, with none of its queue running, until the log and `/health/ready` say "
        "that nobody takes that queue.",
    )

    @field_validator(
        *("cors_origins", "stun_urls", "turn_urls", "oidc_return_uris", "s3_buckets", "metrics_addresses"),
        *("webhook_networks", "webhook_retry_s"),
        mode="before",
    )
    @classmethod
    def _split_at_commas(cls, value: Any) -> Any:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("oidc_providers", mode="before")
    @classmethod
    def _reads_as_providers(cls, value: Any) -> Any:
        return read_providers(value)

    @field_validator("database_url")
    @classmethod
    def _is_database(cls, value: str) -> str:
        if value:
            read_database_url(value)
        return value

    @field_validator("jwt_secret", "data_secret")
    @classmethod
    def _long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < SHORTEST_SECRET:
            raise ValueError(f"must have {SHORTEST_SECRET} characters at least")
        return value

    @field_validator(
        "public_url",
        "s3_endpoint",
        "s3_public_endpoint",
        "analyst_url",
        "transcriber_url",
        "otel_exporter_otlp_endpoint",
    )
    @classmethod
    def _is_web_address(cls, value: str) -> str:
        if value and (urlsplit(value).scheme not in ("http", "https") or not urlsplit(value).netloc):
            raise ValueError("must be an address such as https://meet.example.org")
        return value.rstrip("/")

    @field_validator("metrics_addresses", "webhook_networks")
    @classmethod
    def _is_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for network in value:
            ip_network(network)
        return value

    @field_validator("webhook_retry_s")
    @classmethod
    def _is_seconds(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(part.isdecimal() and int(part) > 0 for part in value):
            raise ValueError("must be whole seconds with commas between, such as 5,300,1800")
        return value

    @field_validator("s3_buckets")
    @classmethod
    def _is_buckets(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for pair in value:
            kind, equals, bucket = pair.partition("=")
            if kind not in ("chat", "recordings", "transcripts", "calls") or not equals or not bucket:
                raise ValueError(f"{pair!r} must be chat=…, recordings=…, transcripts=… or calls=…")
        return value

    @field_validator("smtp_url")
    @classmethod
    def _is_mail_server(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not _names_a_server(value, "smtp", "smtps"):
            raise ValueError("must be smtp://user:password@host:port or smtps://…, percent-encoded")
        return value

    @field_validator("sentry_dsn")
    @classmethod
    def _is_dsn(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not (_names_a_server(value, "http", "https") and "@" in value.get_secret_value()):
            raise ValueError("must be an address such as https://key@errors.example.org/1")
        return value

    @field_validator("redis_url")
    @classmethod
    def _is_redis(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not _names_a_server(value, "redis", "rediss"):
            raise ValueError("must be redis://:password@host:port/number or rediss://…, percent-encoded")
        return value

    @field_validator("events_broker_url")
    @classmethod
    def _is_rabbitmq(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not _names_a_server(value, "amqp", "amqps"):
            raise ValueError("must be amqp://user:password@host:port/vhost or amqps://…, percent-encoded")
        return value

    @field_validator("celery_broker_url")
    @classmethod
    def _is_broker(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and "://" not in value.get_secret_value():
            raise ValueError("must be an address such as amqp://user:password@host:5672/vhost, percent-encoded")
        return value

    @field_validator("mail_from")
    @classmethod
    def _is_sender(cls, value: str) -> str:
        if not parseaddr(value)[1].partition("@")[2]:
            raise ValueError("must be an address such as Parley <parley@example.org>")
        return value

    @field_validator("stun_urls", "turn_urls")
    @classmethod
    def _is_ice_url(cls, urls: tuple[str, ...]) -> tuple[str, ...]:
        for url in urls:
            if url.split(":", 1)[0] not in ("stun", "stuns", "turn", "turns"):
                raise ValueError(f"{url!r} must begin with stun:, stuns:, turn: or turns:")
        return urls

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        problems = []
        if self.profile == "production":
            for name in ("jwt_secret", "data_secret"):
                if getattr(self, name) is None:
                    problems.append(f"{name.upper()}: must be set in the production profile")
            if self.debug:
                problems.append("DEBUG: must be off in the production profile")
        if self.profile == "qa" and not (self.listens_on_loopback or self.qa_beyond_this_machine):
            problems.append("HOST: the QA profile stays on this machine, unless QA_BEYOND_THIS_MACHINE is set")
        if self.turn_urls and self.turn_secret is None:
            problems.append("TURN_SECRET: must be set when TURN_URLS is")
        if self.wakeups == "redis" and self.redis_url is None:
            problems.append("REDIS_URL: must be set when WAKEUPS is redis")
        if self.wakeups == "postgresql" and not self._is_on_postgresql:
            problems.append("WAKEUPS: postgresql needs a DATABASE_URL that names one")
        if self.webhook_log_days > self.events_keep_days:
            problems.append("WEBHOOK_LOG_DAYS: must be at most EVENTS_KEEP_DAYS, for it is the log that is sent")
        if self.celery_broker_url is not None and self.jobs == "inline":
            problems.append("CELERY_BROKER_URL: Celery workers need JOBS to be leased")
        if self.s3_endpoint and (self.s3_access_key is None or self.s3_secret_key is None):
            problems.append("S3_ACCESS_KEY, S3_SECRET_KEY: must be set with S3_ENDPOINT")
        if self.embedder == "openai" and not (self.embedder_url and self.embedder_model):
            problems.append("EMBEDDER_URL, EMBEDDER_MODEL: must be set when EMBEDDER is openai")
        if self.notes_budget_usd and self.embedder == "openai" and self.embedder_usd_per_million_tokens is None:
            problems.append("NOTES_BUDGET_USD: needs EMBEDDER_USD_PER_MILLION_TOKENS")
        if self.transcriber == "openai" and not (self.transcriber_url and self.transcriber_model):
            problems.append("TRANSCRIBER_URL, TRANSCRIBER_MODEL: must be set when TRANSCRIBER is openai")
        if self.transcriber == "whisper" and not self.transcriber_model:
            problems.append("TRANSCRIBER_MODEL: must be the folder of a model when TRANSCRIBER is whisper")
        if self.analyst == "llm" and not (self.analyst_url and self.analyst_model):
            problems.append("ANALYST_URL, ANALYST_MODEL: must be set when ANALYST is llm")
        unknown = None in (self.analyst_usd_per_million_input_tokens, self.analyst_usd_per_million_output_tokens)
        if self.notes_budget_usd and self.analyst == "llm" and unknown:
            problems.append("NOTES_BUDGET_USD: needs ANALYST_USD_PER_MILLION_INPUT_TOKENS and …_OUTPUT_TOKENS")
        if self.presence_left_s <= self.presence_reconnecting_s:
            problems.append("PRESENCE_LEFT_S: must be longer than PRESENCE_RECONNECTING_S")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @staticmethod
    def former(secrets: SecretStr) -> tuple[str, ...]:
        return tuple(one.strip() for one in secrets.get_secret_value().split(",") if one.strip())

    @property
    def listens_on_loopback(self) -> bool:
        return self.host in ("127.0.0.1", "::1", "localhost")

    @property
    def address(self) -> str:
        """The address that people use, without a slash at its end."""
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::") else self.host  # noqa: S104
        return self.public_url or f"http://{host}:{self.port}"

    @property
    def local_address(self) -> str:
        """Where a program on this machine reaches the API, without a slash at its end."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    @property
    def database_address(self) -> str:
        return self.database_url or f"sqlite:///{self.storage_dir.resolve() / 'meetings.db'}"

    @property
    def _is_on_postgresql(self) -> bool:
        return self.database_url.startswith("postgres")

    @property
    def wakeups_in_use(self) -> str:
        if self.wakeups:
            return self.wakeups
        if self.redis_url is not None:
            return "redis"
        return "postgresql" if self._is_on_postgresql else "udp"

    @property
    def verifies_email_at_once(self) -> bool:
        if self.auto_verify_email is not None:
            return self.auto_verify_email
        return self.smtp_url is None and self.profile != "production"

    @property
    def media_mode_of_new_meetings(self) -> str:
        return self.default_media_mode or ("mock" if self.profile == "qa" else "auto")

    @property
    def media_workers_to_start(self) -> int:
        return (0 if self.profile == "qa" else 1) if self.media_workers is None else self.media_workers

    def sdp_max_bytes_in(self, media_mode: str | None) -> int:
        return max(self.sdp_max_bytes, self.sfu_sdp_max_bytes) if media_mode == "sfu" else self.sdp_max_bytes

    def bucket_of(self, key: str) -> str | None:
        """Where the file of a key is; None: on Parley's own disk."""
        named = dict(pair.split("=", 1) for pair in self.s3_buckets)
        return named.get(key.partition("/")[0], self.s3_bucket) if self.s3_endpoint else None

    @property
    def beat_every_s(self) -> float:
        """How often parked polls count as signs of life: every 10 s, and twice before anybody is missed."""
        return min(10.0, self.presence_reconnecting_s / 2)

    @property
    def password_hashes_in_use(self) -> int:
        """As many wait, each with its thread: half of the threads stay free for other requests."""
        return max(1, min(self.password_hashes_at_once, self.web_threads // 4))

    @property
    def whip_starts_in_use(self) -> int:
        return min(self.whip_starts_at_once, max(1, self.web_threads // 2))

    @property
    def polls_that_may_block(self) -> int:
        """Under a server that can't park polls each holds a thread: half of them stay free for other requests."""
        return self.web_threads // 2


def _names_a_server(url: SecretStr, *schemes: str) -> bool:
    try:
        parts = urlsplit(url.get_secret_value())
        return parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:  # its message would quote a part of the password
        return False


def load_settings(_env_file: str | Path | None = ".env", **overrides: Any) -> Settings:
    """Read `.env` and the environment, which wins; `overrides` (by field name) win over both. Empty is not set.

    :raises SettingsError: names every setting that is wrong, never its value if that is a secret.
    """
    try:
        return Settings(**_told(_env_file) | overrides)
    except ValidationError as error:
        lines = []
        for problem in error.errors(include_url=False, include_context=False):
            name = ".".join(str(part) for part in problem["loc"]).upper()
            message = problem["msg"].removeprefix("Value error, ")
            lines.append(f"{name}: {message}" if name else message)
        raise SettingsError("\n".join(lines)) from None


def _told(env_file: str | Path | None) -> dict[str, str]:
    """What is set, by field name. (Not pydantic-settings: a tenth of what a start takes went into importing it.)"""
    in_file: dict[str, str | None] = {}
    if env_file is not None and Path(env_file).is_file():
        from dotenv import dotenv_values  # here: most have no such file

        in_file = dotenv_values(env_file, encoding="utf-8")
    told = [(name.lower(), value) for one in (in_file, os.environ) for name, value in one.items() if value]
    return {name: value for name, value in told if name in Settings.model_fields}
