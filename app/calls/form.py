"""A call that is sent as a form, its file in it; or as JSON that names its upload."""

from typing import Any

from flask import request
from werkzeug.datastructures import FileStorage

from app.calls.schemas import CallForm, CallIn
from app.core import errors
from app.core.api import Parser

FORM = "multipart/form-data"
# What the operation's document says; a form's file is in its schema, for whoever reads that.
BODY = {
    "required": True,
    "content": {"application/json": {"schema": CallIn}, FORM: {"schema": CallForm}},
}
_parser = Parser()


def read() -> tuple[dict[str, Any], FileStorage | None]:
    """What is said of the call, and its file where that came with it.

    :raises ValidationFailed: :raises UnsupportedMediaType: :raises MalformedJson:
    """
    if request.mimetype != FORM:
        return dict(_parser.parse(CallIn(), request, location="json")), None
    told = dict(_parser.parse(CallForm(exclude=("file",)), request, location="form"))
    files = request.files.to_dict(flat=False)
    unknown = [name for name in files if name != "file"]
    if unknown or len(files.get("file", [])) != 1:
        field, message = (unknown[0], "Unknown field.") if unknown else ("file", "There has to be one file.")
        raise errors.ValidationFailed(errors=[{"location": "files", "field": field, "message": message}])
    return told, files["file"][0]
