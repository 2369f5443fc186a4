import json
import tempfile
import zipfile
from typing import Any

from flask import Response
from flask.views import MethodView
from werkzeug.wsgi import FileWrapper

from app.core import errors
from app.core.api import Blueprint
from app.core.downloads import FILE
from app.core.file_names import disposition
from app.core.flask_app import actor, work
from app.core.runtime import Work
from app.personal_data.chapters import CHAPTERS

ZIP = "application/zip"
KEPT_IN_MEMORY = 1 << 20  # bytes of a copy; a larger one is written to a file that has no name

README = """\
A copy of what Parley keeps of you: one JSON file for each kind of thing, times in UTC.

Recordings, calls and files that you sent are not in here, for their size. Read them by the ids that you find here:
GET /api/v1/recordings/{id}/download, GET /api/v1/calls/{id} (signed_url), GET /api/v1/messages/{id}/file.
Passwords, secrets of links and integrations are kept only in forms that cannot be read, and are not in here either.
"""

blp = Blueprint("personal data", __name__, description="A copy of everything that is kept of oneself.")


@blp.route("/auth/me/data")
class MyData(MethodView):
    @blp.doc(operationId="downloadMyData")
    @blp.response(200, FILE, content_type=ZIP)
    @blp.problems(errors.StorageFull)
    def get(self) -> Response:
        """Download a copy of everything that is kept of oneself

        A ZIP of JSON files: account, sessions, meetings, what one said in chats, invitations, recordings, calls, notes
        and so on. Films and sounds are named in it, and not contained. To have all of it erased: `DELETE /auth/me`.
        """
        try:
            copy = _copy(work(), actor().user_id)
        except OSError as error:
            raise errors.StorageFull from error
        headers = {"Content-Disposition": disposition("parley-data.zip"), "Content-Length": str(copy.tell())}
        copy.seek(0)
        return Response(FileWrapper(copy), mimetype=ZIP, headers=headers, direct_passthrough=True)


def _copy(work: Work, user_id: str) -> Any:
    """A file, at its end. It is whole before anything is sent: an answer that breaks off would look like a copy."""
    file = tempfile.SpooledTemporaryFile(KEPT_IN_MEMORY)  # noqa: SIM115 – the server closes what it has sent
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", README)
        for name, chapter in CHAPTERS.items():
            with archive.open(f"{name}.json", "w") as part:
                part.write(b"[")
                between = b"\n"
                for row in chapter.rows(work, user_id):
                    part.write(between + json.dumps(row, ensure_ascii=False, default=_in_json).encode())
                    between = b",\n"
                part.write(b"\n]\n")
    return file


def _in_json(value: Any) -> str:
    return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if hasattr(value, "strftime") else str(value)
