"""One tree of errors. Services raise them; `core/api.py` alone turns them into RFC 9457 problem documents.

`code` is stable and stands in the OpenAPI document; the message is English and may change.
"""

from collections.abc import Iterator
from typing import Any


class ParleyError(Exception):
    """Base of everything that a client may be told.

    `detail` says what is wrong this time; `errors` lists faulty fields as `{location, field, message}`; `headers` go
    onto the response; `extra` become members of the problem document (RFC 9457 §3.2).
    """

    code = "internal_error"
    status = 500
    message = "Something went wrong on our side."
    keeps_changes = False  # True: what the request has changed is committed although it fails

    def __init__(
        self,
        detail: str | None = None,
        *,
        errors: list[dict[str, str]] | None = None,
        headers: dict[str, str] | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(detail or self.message)
        self.detail = detail or self.message
        self.errors = errors
        self.headers = headers or {}
        self.extra = extra


class MalformedJson(ParleyError):
    code, status, message = "malformed_json", 400, "The request's body is not valid JSON."


class BadRequest(ParleyError):
    code, status, message = "bad_request", 400, "The request could not be understood."


class TokenMissing(ParleyError):
    code, status, message = "token_missing", 401, "This needs an access token: `Authorization: Bearer …`."


class TokenInvalid(ParleyError):
    code, status, message = "token_invalid", 401, "The token is not valid here."


class TokenExpired(ParleyError):
    code, status, message = "token_expired", 401, "The token has expired; refresh it."


class SessionEnded(ParleyError):
    code, status, message = "session_ended", 401, "The session of this token has ended; sign in again."
    keeps_changes = True  # a refresh token used twice ends its session although the answer is 401


class BadCredentials(ParleyError):
    code, status, message = "bad_credentials", 401, "E-mail and password do not match."


class PasscodeNeeded(ParleyError):
    # The same for a wrong one and for none.
    code, status, message = "passcode_needed", 401, "The link asks for the passcode that belongs to it."


class Forbidden(ParleyError):
    code, status, message = "forbidden", 403, "You may see this, but not do that with it."


class NotYourParticipant(ParleyError):
    code, status, message = "not_your_participant", 403, "That participant is somebody else's device."


class SignInAgain(ParleyError):
    code, status, message = (
        "sign_in_again",
        403,
        "That needs a sign-in of the last ten minutes: sign in again with your provider, then repeat it.",
    )


class Banned(ParleyError):
    code, status, message = "banned", 403, "The hosts of this meeting have banned you from it."


class NotPermitted(ParleyError):
    code, status, message = "not_permitted", 403, "In this meeting only its hosts may do that."


class MustBeAdmitted(ParleyError):
    code, status, message = (
        "must_be_admitted",
        403,
        "A host has to let you in first: join with another device, and wait there.",
    )


class NotFound(ParleyError):
    code, status, message = "not_found", 404, "There is nothing here, or nothing that you may see."


class CodeUnknown(ParleyError):
    # The same for every code that lets nobody in: whoever tries codes learns nothing from it.
    code, status, message = (
        "code_unknown",
        404,
        "This code opens no meeting. It may be mistyped or renewed, or the host lets no guests in: ask whoever gave it "
        "to you, or sign in if you were invited.",
    )


class ShareUnknown(ParleyError):
    # The same for every link that opens nothing, as for codes.
    code, status, message = (
        "share_unknown",
        404,
        "This link opens nothing. It may be cut off, expired or withdrawn, or its recording is deleted: ask whoever "
        "sent it to you.",
    )


class RecipientUnknown(ParleyError):
    code, status, message = "recipient_unknown", 404, "The meeting has no such participant."


class NotesMissing(ParleyError):
    code, status, message = "notes_missing", 404, "There are no notes of this meeting yet."


class MethodNotAllowed(ParleyError):
    code, status, message = (
        "method_not_allowed",
        405,
        "That method does not exist here; see the Allow header.",
    )


class NoCommonCodec(ParleyError):
    code, status, message = "no_common_codec", 406, "Nothing that is offered has a codec that can be forwarded."


class RequestTimeout(ParleyError):
    code, status, message = "request_timeout", 408, "The request did not come whole in time."


class EmailTaken(ParleyError):
    code, status, message = "email_taken", 409, "There is an account with this e-mail already."


class EmailAlreadyVerified(ParleyError):
    code, status, message = "email_already_verified", 409, "This address is verified already."


class NoPassword(ParleyError):
    code, status, message = (
        "no_password",
        409,
        "This account has no password. `POST /auth/password/forgot` mails a link that sets one.",
    )


class AddressHasAccount(ParleyError):
    code, status, message = (
        "address_has_account",
        409,
        "There is an account with this e-mail, and no proof on both sides that the address is yours: sign in to it "
        "with its password (or choose a new one by mail), and connect the provider there.",
    )


class IdentityTaken(ParleyError):
    code, status, message = "identity_taken", 409, "This account of the provider is connected to another one here."


class LastWayIn(ParleyError):
    code, status, message = (
        "last_way_in",
        409,
        "Nothing else signs in to this account: set a password first, or connect another provider.",
    )


class LastAdmin(ParleyError):
    code, status, message = (
        "last_admin",
        409,
        "Nobody else is an admin here who can sign in: make somebody one first.",
    )


class AccountStateConflict(ParleyError):
    code, status, message = "account_state_conflict", 409, "The account is of a kind that does not allow that."


class MeetingStateConflict(ParleyError):
    code, status, message = "meeting_state_conflict", 409, "The meeting's state does not allow that."


class MeetingWithoutTime(ParleyError):
    code, status, message = "meeting_without_time", 409, "The meeting has no time, and a calendar needs one."


class MeetingEnded(ParleyError):
    code, status, message = "meeting_ended", 409, "The meeting has ended."


class MeetingCancelled(ParleyError):
    code, status, message = "meeting_cancelled", 409, "The meeting was cancelled."


class MeetingFull(ParleyError):
    code, status, message = "meeting_full", 409, "The meeting has no room for another participant."


class MeetingLocked(ParleyError):
    code, status, message = "meeting_locked", 409, "The meeting is locked: nobody new can come in."


class DeniedTooOften(ParleyError):
    code, status, message = "denied_too_often", 409, "The hosts have denied you entry; you can't ask them again."


class ParticipantStateConflict(ParleyError):
    code, status, message = "participant_state_conflict", 409, "The participant's state does not allow that."


class InvitationStateConflict(ParleyError):
    code, status, message = "invitation_state_conflict", 409, "The invitation was answered otherwise already."


class TooManyInvitations(ParleyError):
    code, status, message = "too_many_invitations", 409, "The meeting has as many invitations as it may."


class AlreadyJoined(ParleyError):
    code, status, message = (
        "already_joined",
        409,
        "This device is in the meeting already: join with `replaces` to go on, or with `force` to begin anew.",
    )


class SenderLeft(ParleyError):
    code, status, message = "sender_left", 409, "The sending participant is not in the meeting."


class RecipientLeft(ParleyError):
    code, status, message = "recipient_left", 409, "The recipient is not in the meeting any more."


class EpochPassed(ParleyError):
    code, status, message = "epoch_passed", 409, "Another has taken the sender's place since this epoch."


class OfferRefused(ParleyError):
    code, status, message = "unanswerable_offer", 422, "The offer's SDP cannot be answered."


class CursorAhead(ParleyError):
    code, status, message = "cursor_ahead", 409, "The cursor is past the newest message."


class RecordingNeedsSfu(ParleyError):
    code, status, message = (
        "recording_needs_sfu",
        409,
        "The meeting is peer to peer, and participants can't record themselves here: nobody could record it.",
    )


class AlreadyRecording(ParleyError):
    code, status, message = "already_recording", 409, "The meeting is being recorded already."


class RecordingStateConflict(ParleyError):
    code, status, message = "recording_state_conflict", 409, "The recording's state does not allow that."


class NoMediaServer(ParleyError):
    code, status, message = (
        "no_media_server",
        409,
        "In this meeting media goes from device to device: there is no media server to speak to.",
    )


class TooManyRecordings(ParleyError):
    code, status, message = (
        "too_many_recordings",
        409,
        "The meeting's owner has as many recordings running as may be at a time.",
    )


class TooManyTracks(ParleyError):
    code, status, message = "too_many_tracks", 409, "The recording has as many tracks as it may have."


class TrackTooLate(ParleyError):
    code, status, message = "track_too_late", 409, "The recording takes no more tracks: it ended too long ago."


class TooManyRenditions(ParleyError):
    code, status, message = "too_many_renditions", 409, "The recording was composed as often as it may be."


class TooManyShares(ParleyError):
    code, status, message = "too_many_shares", 409, "The recording has as many links as it may have."


class TooManyWebhooks(ParleyError):
    code, status, message = "too_many_webhooks", 409, "You have as many webhooks as you may have."


class WebhookPaused(ParleyError):
    code, status, message = "webhook_paused", 409, "The webhook is paused: resume it, and what was kept is sent."


class JobStateConflict(ParleyError):
    code, status, message = "job_state_conflict", 409, "The job's state does not allow that."


class EndToEndEncrypted(ParleyError):
    code, status, message = (
        "end_to_end_encrypted",
        409,
        "An end-to-end encrypted meeting has no recording and no notes.",
    )


class NothingToTranscribe(ParleyError):
    code, status, message = "nothing_to_transcribe", 409, "The meeting has nothing to transcribe."


class NotesStateConflict(ParleyError):
    code, status, message = "notes_state_conflict", 409, "The notes are in a state that does not allow this."


class BudgetReached(ParleyError):
    code, status, message = "budget_reached", 409, "This month's budget for notes is spent."


class TranscriptionLimitReached(BudgetReached):
    code, status, message = (
        "transcription_limit_reached",
        409,
        "This month's minutes of transcription are used up.",
    )


class CallExists(ParleyError):
    code, status, message = "call_exists", 409, "You have sent this recording of a call before."


class ChatClosed(ParleyError):
    code, status, message = "chat_closed", 409, "The chat of this meeting is closed."


class MessageDeleted(ParleyError):
    code, status, message = "message_deleted", 409, "The message was deleted."


class TooManyReactions(ParleyError):
    code, status, message = "too_many_reactions", 409, "The message has as many different reactions as it may."


class IdempotencyKeyRunning(ParleyError):
    code, status, message = (
        "idempotency_key_running",
        409,
        "The first request with this Idempotency-Key is still running.",
    )


class InboxClosed(ParleyError):
    code, status, message = "inbox_closed", 410, "This inbox is closed and everything in it was delivered."


class WorkerGone(ParleyError):
    code, status, message = "worker_gone", 410, "This media worker was given up; register again."


class VersionMismatch(ParleyError):
    code, status, message = "version_mismatch", 412, "It was changed since you read it; read it again."


class PayloadTooLarge(ParleyError):
    code, status, message = "payload_too_large", 413, "That is larger than it may be."


class HeadTooLarge(ParleyError):
    code, status, message = "head_too_large", 431, "The request's line and headers are larger than they may be."


class UnsupportedMediaType(ParleyError):
    code, status, message = "unsupported_media_type", 415, "Send `Content-Type: application/json`."


class RangeNotSatisfiable(ParleyError):
    code, status, message = "range_not_satisfiable", 416, "The file has no such range."


class UrlNotSigned(ParleyError):
    code, status, message = "url_not_signed", 403, "This address was not signed here, or was changed since."


class UrlExpired(ParleyError):
    code, status, message = "url_expired", 403, "This signed address has expired; have the part signed again."


class QuotaReached(ParleyError):
    code, status, message = "quota_reached", 409, "There is no room left for this user's files and recordings."


class TooManyUploads(ParleyError):
    code, status, message = (
        "too_many_uploads",
        409,
        "You have as many uploads as may be unfinished or unused.",
    )


class UploadStateConflict(ParleyError):
    code, status, message = "upload_state_conflict", 409, "The upload's state does not allow that."


class PartsMissing(ParleyError):
    code, status, message = "parts_missing", 409, "Some parts have not arrived; see `missing`."


class PartSizeMismatch(ParleyError):
    code, status, message = "part_size_mismatch", 422, "A part is shorter or longer than it was declared."


class ChecksumMismatch(ParleyError):
    code, status, message = "checksum_mismatch", 422, "What has arrived is not the file: its SHA-256 differs."


class UploadLost(ParleyError):
    code, status, message = "upload_lost", 410, "What had arrived is not in the store any more."


class MediaTypeRefused(ParleyError):
    code, status, message = "media_type_refused", 422, "Files of this kind are not taken here."


class StorageFull(ParleyError):
    code, status, message = "storage_full", 507, "The store of files has no room left."


class ValidationFailed(ParleyError):
    code, status, message = "validation_failed", 422, "Some fields are missing or wrong; see `errors`."


class TokenNotUsable(ParleyError):
    code, status, message = (
        "token_not_usable",
        422,
        "This link was used already, has expired, or never existed.",
    )


class ProofNotValid(ParleyError):
    code, status, message = "proof_not_valid", 422, "What came from the provider does not prove who you are."


class ProviderToldNoEmail(ParleyError):
    code, status, message = (
        "provider_told_no_email",
        422,
        "The provider told no e-mail address, and an account here needs one.",
    )


class IdempotencyKeyReused(ParleyError):
    code, status, message = (
        "idempotency_key_reused",
        422,
        "This Idempotency-Key came with another request before.",
    )


class PreconditionRequired(ParleyError):
    code, status, message = (
        "precondition_required",
        428,
        "Send `If-Match` with the version that you have read.",
    )


class TooManyRequests(ParleyError):
    code, status, message = "too_many_requests", 429, "Too many requests; see Retry-After."


class TooManyPolls(ParleyError):
    code, status, message = "too_many_polls", 429, "You have as many polls open as you may; end one of them."


class InboxFull(ParleyError):
    code, status, message = "inbox_full", 429, "The recipient has not read for long; its inbox is full."


class InternalError(ParleyError):
    code, status = "internal_error", 500


class NoMediaWorker(ParleyError):
    code, status, message = "no_media_worker", 503, "No media worker has room for this meeting."


class Overloaded(ParleyError):
    code, status, message = (
        "overloaded",
        503,
        "There is more to do than can be done at the moment; see Retry-After. What has begun goes on.",
    )


class Unavailable(ParleyError):
    code, status, message = "unavailable", 503, "A part of the system is not available; try again."


class ProviderUnavailable(ParleyError):
    code, status, message = "provider_unavailable", 503, "The sign-in provider does not answer; try again."


def every_error() -> Iterator[type[ParleyError]]:
    """All errors of the tree; the OpenAPI document lists their codes."""
    waiting = [ParleyError]
    while waiting:
        for error in waiting.pop().__subclasses__():
            waiting.append(error)
            yield error
