from typing import Any

from flask.views import MethodView
from marshmallow import fields

from app.core.api import Blueprint, Schema
from app.core.flask_app import actor, work
from app.uploads import quota

blp = Blueprint("storage", __name__, description="How much of the store of files one uses.")


class StorageOut(Schema):
    used_bytes = fields.Integer(required=True, metadata={"description": "All of it together.", "example": 91873420})
    quota_bytes = fields.Integer(
        required=True, allow_none=True, metadata={"description": "null: there is none.", "example": 10_737_418_240}
    )
    tracks_bytes = fields.Integer(
        required=True, metadata={"description": "Tracks of recordings of one's meetings.", "example": 61873420}
    )
    films_bytes = fields.Integer(
        required=True, metadata={"description": "What was composed of them.", "example": 30_000_000}
    )
    exports_bytes = fields.Integer(required=True, metadata={"example": 0})
    files_bytes = fields.Integer(
        required=True, metadata={"description": "What one has sent, such as files of chats.", "example": 0}
    )


@blp.route("/auth/me/storage")
class MyStorage(MethodView):
    @blp.response(200, StorageOut)
    @blp.doc(operationId="getStorage")
    def get(self) -> Any:
        """How much one has stored, and how much one may

        Recordings count for the owner of their meeting. Above the quota no recording begins and no upload; one that
        runs goes on.
        """
        return quota.storage_of(work(), actor().user_id)
