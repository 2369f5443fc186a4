from typing import Any

from flask import Response
from flask.views import MethodView

from app.chat import reading, service, shapes
from app.chat.models import LONGEST_EMOJI
from app.chat.schemas import MessageEdit, MessageOut, MessageOutPage, MessageSend, MessagesQuery, Read, ReadState
from app.core import downloads, errors
from app.core.api import Blueprint
from app.core.downloads import ELSEWHERE, FILE, FILE_HEADERS, PART, RANGE
from app.core.flask_app import actor, work
from app.core.objects.base import ObjectStore

blp = Blueprint("chat", __name__, description="Write to each other before, during and after a meeting.")

EMOJI = {
    "in": "path",
    "name": "emoji",
    "required": True,
    "description": "One emoji, percent-encoded.",
    "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_EMOJI, "example": "👍"},
}


@blp.route("/meetings/<id:meeting_id>/messages")
class Messages(MethodView):
    @blp.arguments(MessageSend)
    @blp.response(201, MessageOut)
    @blp.problems(errors.MeetingCancelled, errors.ChatClosed, errors.NotPermitted, errors.UploadStateConflict)
    @blp.doc(operationId="sendMessage")
    def post(self, data: dict[str, Any], meeting_id: str) -> Any:
        """Write a message, or send a file

        A file is uploaded first: `POST /uploads` with the purpose `chat_file`.

        The meeting's `permissions.chat` says who may. Everybody in the room gets it as `chat.message`; other devices
        of those who may read it are told by `chat.activity`.
        """
        message = service.send(work(), actor(), meeting_id, **data)
        return message, 201, {"Location": f"/api/v1/messages/{message['id']}"}

    @blp.arguments(MessagesQuery, location="query")
    @blp.response(200, MessageOutPage)
    @blp.problems(errors.NotPermitted)
    @blp.doc(operationId="listMessages")
    def get(self, query: dict[str, Any], meeting_id: str) -> Any:
        """Read the chat, page by page in both directions

        Without `before` and `after` come the newest messages. On every page they stand in the order of their numbers.
        Older ones: `before` = `next_cursor`. What came since: `after` = the newest number that you have, until
        `next_cursor` is null. `unread` and `read_up_to` are your own.
        """
        return reading.page(work(), actor(), meeting_id, **query)

    @blp.response(204)
    @blp.doc(operationId="clearMessages")
    def delete(self, meeting_id: str) -> None:
        """Empty the chat, for everybody

        Messages that were not delivered yet are taken back. Everybody is told by `chat.cleared`.
        """
        service.clear(work(), meeting_id, actor().user_id)


@blp.route("/meetings/<id:meeting_id>/messages/read")
class ReadMessages(MethodView):
    @blp.arguments(Read)
    @blp.response(200, ReadState)
    @blp.problems(errors.CursorAhead)
    @blp.doc(operationId="markMessagesRead")
    def put(self, data: dict[str, Any], meeting_id: str) -> Any:
        """Say how far you have read

        It never goes back. Your other devices are told by `chat.read`; nobody else is.
        """
        return reading.mark(work(), actor(), meeting_id, data["up_to"])


@blp.route("/messages/<id:message_id>")
class MessageById(MethodView):
    @blp.response(200, MessageOut)
    def get(self, message_id: str) -> Any:
        """Read one message"""
        return shapes.view(work(), service.get(work(), message_id), actor().user_id)

    @blp.arguments(MessageEdit)
    @blp.response(200, MessageOut)
    @blp.problems(errors.MessageDeleted, errors.MeetingCancelled, errors.ChatClosed, errors.NotPermitted)
    def patch(self, data: dict[str, Any], message_id: str) -> Any:
        """Change what your own message says

        The last word counts, and only you have it: no `If-Match` here.
        """
        return service.edit(work(), actor(), message_id, data["text"])

    @blp.response(204)
    def delete(self, message_id: str) -> None:
        """Delete your own message

        Its number stays, with `deleted_at` and without text.
        """
        service.remove(work(), message_id)


@blp.route("/messages/<id:message_id>/file")
class MessageFile(MethodView):
    @blp.doc(operationId="downloadMessageFile", parameters=RANGE)
    @blp.response(200, FILE, content_type="*/*", headers=FILE_HEADERS)
    @blp.alt_response(206, schema=FILE, content_type="*/*", **PART)
    @blp.alt_response(302, description=ELSEWHERE)
    @blp.alt_response(304, description="`If-None-Match` names this file")
    @blp.problems(errors.VersionMismatch, errors.RangeNotSatisfiable)
    def get(self, message_id: str) -> Response:
        """Download the file that a message brought, or one range of it

        Always as an attachment, of the media type that was found in it: what people send is never shown as a page.
        """
        return downloads.answer(work().driver(ObjectStore), service.file_of(work(), message_id))


@blp.route("/messages/<id:message_id>/reactions/<string:emoji>", parameters=[EMOJI])
class MessageReaction(MethodView):
    @blp.response(200, MessageOut)
    @blp.problems(
        errors.MessageDeleted,
        errors.TooManyReactions,
        errors.MeetingCancelled,
        errors.ChatClosed,
        errors.NotPermitted,
    )
    @blp.doc(operationId="addReaction")
    def put(self, message_id: str, emoji: str) -> Any:
        """React to a message with one emoji"""
        return service.react(work(), actor(), message_id, emoji)

    @blp.response(200, MessageOut)
    @blp.doc(operationId="removeReaction")
    def delete(self, message_id: str, emoji: str) -> Any:
        """Take your reaction away"""
        return service.unreact(work(), actor(), message_id, emoji)
