from typing import Any

from flask.views import MethodView

from app.core import errors
from app.core.api import Blueprint
from app.core.flask_app import actor, work
from app.core.pagination import page_of
from app.uploads import parts, service
from app.uploads.schemas import (
    PartNumbers,
    PartQuery,
    PartStored,
    SignedParts,
    UploadComplete,
    UploadCreate,
    UploadCreated,
    UploadDetails,
    UploadOut,
    UploadQuery,
)

blp = Blueprint("uploads", __name__, description="Send files of any size, in parts, and go on after a break.")


@blp.route("/uploads")
class Uploads(MethodView):
    @blp.arguments(UploadCreate)
    @blp.response(201, UploadCreated)
    @blp.problems(errors.MediaTypeRefused, errors.QuotaReached, errors.TooManyUploads, errors.StorageFull)
    def post(self, data: dict[str, Any]) -> Any:
        """Begin to upload a file

        The answer has signed addresses of the parts: `PUT` to each exactly `size` bytes of the file, in any order,
        several at once, again if need be. Then `POST /uploads/{upload_id}/complete`.
        """
        created = service.create(work(), actor(), **data)
        return created, 201, {"Location": f"/api/v1/uploads/{created['upload']['id']}"}

    @blp.arguments(UploadQuery, location="query")
    @blp.response(200, page_of(UploadOut))
    def get(self, query: dict[str, Any]) -> Any:
        """List your uploads, the newest first

        With `state=uploading` those that can be gone on with.
        """
        return service.list_mine(work(), actor(), **query)


@blp.route("/uploads/<id:upload_id>")
class UploadById(MethodView):
    @blp.response(200, UploadDetails)
    def get(self, upload_id: str) -> Any:
        """Read an upload, and which parts have arrived"""
        return service.details(work(), upload_id)

    @blp.response(204)
    @blp.problems(errors.UploadStateConflict)
    def delete(self, upload_id: str) -> None:
        """Give an upload up, and delete what has arrived"""
        service.abort(work(), upload_id)


@blp.route("/uploads/<id:upload_id>/parts")
class Parts(MethodView):
    @blp.arguments(PartNumbers)
    @blp.response(200, SignedParts)
    @blp.problems(errors.UploadStateConflict, errors.StorageFull)
    @blp.doc(operationId="signUploadParts")
    def post(self, data: dict[str, Any], upload_id: str) -> Any:
        """Sign addresses of more parts, or of parts whose addresses have expired"""
        return service.sign(work(), upload_id, **data)


@blp.route("/uploads/<id:upload_id>/parts/<int:number>")
class Part(MethodView):
    @blp.arguments(PartQuery, location="query")
    @blp.response(200, PartStored, headers={"ETag": {"schema": {"type": "string", "example": '"1878e-99"'}}})
    @blp.problems(
        errors.UrlNotSigned, errors.UrlExpired, errors.PartSizeMismatch, errors.RequestTimeout, errors.StorageFull
    )
    @blp.doc(
        operationId="putUploadPart",
        requestBody={
            "required": True,
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        },
    )
    def put(self, query: dict[str, Any], upload_id: str, number: int) -> Any:
        """Send a part, to an address that was signed for it

        Only where the server keeps files itself; with S3 the signed addresses are the store's own. No token: the
        address is the credential. Don't make it yourself; it comes with the upload.
        """
        part = parts.stored(work(), upload_id, number, query["size"])
        return part, 200, {"ETag": f'"{part.etag}"'}


@blp.route("/uploads/<id:upload_id>/complete")
class Complete(MethodView):
    @blp.arguments(UploadComplete)
    @blp.response(202, UploadOut)
    @blp.problems(errors.UploadStateConflict, errors.PartsMissing, errors.PartSizeMismatch)
    def post(self, data: dict[str, Any], upload_id: str) -> Any:
        """Say that every part has arrived, and what the whole is

        Size, SHA-256 and content are verified in the background: `upload.state` tells in your inbox when it is
        `complete` or has `failed`, and so does `GET /uploads/{upload_id}`. Keep the file until then.
        """
        return service.complete(work(), upload_id, **data)
