"""How the API speaks: RFC 9457 problems everywhere, strict requests, documented answers.

flask-smorest documents its own error shape, answers 422 to a body that is no JSON and lets unknown query fields pass:
the classes here mend all three, so that features need no thought of it.
"""

import json
import math
import re
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache, wraps
from http import HTTPStatus
from typing import Any, Self

import flask_smorest
import marshmallow as ma
import structlog
from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin, resolver
from flask import Flask, Response, g, request
from flask_jwt_extended.exceptions import JWTExtendedException
from jwt.exceptions import ExpiredSignatureError, PyJWTError
from marshmallow import fields
from sqlalchemy.orm.exc import StaleDataError
from webargs.flaskparser import FlaskParser
from webargs.multidictproxy import MultiDictProxy
from werkzeug.exceptions import HTTPException
from werkzeug.routing import BaseConverter

from app.core import errors
from app.core.database_errors import is_outage
from app.core.ids import ID_FORM

log = structlog.get_logger()

PROBLEM_TYPE = "application/problem+json"


class Schema(ma.Schema):
    """A shape on the wire. Requests refuse fields that it does not have."""

    class Meta:
        unknown = ma.RAISE

    def __deepcopy__(self, _memo: Any) -> Self:
        """Itself: nothing changes a schema, and flask-smorest copies the documentation of every view with all in it."""
        return self


@cache
def _the_one(schema: type[ma.Schema]) -> ma.Schema:
    return schema()


class ProblemField(Schema):
    location = fields.String(required=True, metadata={"description": "body, query, path or header", "example": "body"})
    field = fields.String(required=True, metadata={"description": "Path of the field.", "example": "messages.0.type"})
    message = fields.String(required=True, metadata={"example": "Missing data for required field."})


class Problem(Schema):
    """A problem document (RFC 9457). `code` is stable, `detail` is for people; a code may have members of its own."""

    type = fields.String(required=True, metadata={"example": "/problems/validation_failed"})
    title = fields.String(required=True, metadata={"example": "Unprocessable Entity"})
    status = fields.Integer(required=True, metadata={"example": 422})
    detail = fields.String(required=True, metadata={"example": errors.ValidationFailed.message})
    code = fields.String(
        required=True,
        metadata={"enum": sorted({error.code for error in errors.every_error()}), "example": "validation_failed"},
    )
    request_id = fields.String(required=True, metadata={"example": "01980a3e-7b6c-7d4e-8f00-1a2b3c4d5e6f"})
    errors = fields.List(fields.Nested(ProblemField), metadata={"description": "Fields that are wrong."})


class Timestamp(fields.AwareDateTime):
    """RFC 3339. Input without an offset is refused; output is in UTC and ends in Z."""

    def __init__(self, **kwargs: Any) -> None:
        example = {} if kwargs.get("allow_none") else {"example": "2026-11-20T10:00:00Z"}
        metadata = {**example, **kwargs.pop("metadata", {})}
        super().__init__(format="iso", metadata=metadata, **kwargs)

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        moment: datetime = super()._deserialize(value, attr, data, **kwargs)
        if not 1970 <= moment.year <= 9000:  # beyond, converting between offsets overflows
            raise self.make_error("invalid", input=value, obj_type="datetime")
        return moment.astimezone(UTC)

    def _serialize(self, value: Any, attr: Any, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Boolean(fields.Boolean):
    """true or false; nothing that merely looks like one of them, such as "no" or 0."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class JsonObject(fields.Dict):
    """An opaque JSON object of at most `max_bytes` when encoded."""

    def __init__(self, *, max_bytes: int, **kwargs: Any) -> None:
        super().__init__(keys=fields.String(), **kwargs)
        self.max_bytes = max_bytes

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        result: Any = super()._deserialize(value, attr, data, **kwargs)  # type: ignore[no-untyped-call]
        if len(json.dumps(result).encode()) > self.max_bytes:
            raise ma.ValidationError(f"Longer than {self.max_bytes} bytes.")
        return result


def id_field(**kwargs: Any) -> fields.String:
    """A UUID as text, for request bodies and queries."""
    metadata = {
        "format": "uuid",
        "pattern": f"^{IdConverter.regex}$",
        "example": "01980a3e-7b6c-7d4e-8f00-1a2b3c4d5e6f",
        **kwargs.pop("metadata", {}),
    }
    return fields.String(validate=_is_id, metadata=metadata, **kwargs)


def _is_id(value: str) -> None:
    if not re.fullmatch(IdConverter.regex, value):
        raise ma.ValidationError("Not an id, which is a UUID in lower case.")


def text_field(most: int, least: int = 1, **kwargs: Any) -> fields.String:
    """Text that a person wrote, without blanks around it and with no control characters but line breaks and tabs."""
    return Text(validate=ma.validate.Length(least, most), **kwargs)


class Text(fields.String):
    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        text: str = super()._deserialize(value, attr, data, **kwargs).strip()
        if any(ord(letter) < 32 and letter not in "\n\t" for letter in text):
            raise ma.ValidationError("Contains control characters.")
        return text


class IdConverter(BaseConverter):
    """`<id:meeting_id>` in a path: a UUID in its usual form, given to the view as text."""

    regex = ID_FORM


UNSTORABLE_TEXT = re.compile("[\x00\ud800-\udfff]")
_DEEPEST = 64  # levels; what reads the body later recurses, and Python bears about a thousand


def _check_values(body: Any) -> None:
    """Refuse what is valid JSON and yet no database and no encoder takes.

    :raises ValidationFailed: text with NUL or with half of a surrogate pair, a number too large, too many levels.
    """
    waiting: list[tuple[Any, tuple[str, ...]]] = [(body, ())]
    while waiting:
        value, path = waiting.pop()
        if len(path) > _DEEPEST:
            raise _wrong("body", "", f"Nested deeper than {_DEEPEST} levels.")
        if isinstance(value, dict):
            waiting += [(part, (*path, key)) for key, part in value.items()]
            waiting += [(key, path) for key in value]
        elif isinstance(value, list):
            waiting += [(part, (*path, str(index))) for index, part in enumerate(value)]
        elif isinstance(value, str) and UNSTORABLE_TEXT.search(value):
            raise _wrong("body", ".".join(path), "Has a NUL or half a surrogate pair.")
        elif isinstance(value, float) and not math.isfinite(value):
            raise _wrong("body", ".".join(path), "Too large a number.")


def _wrong(location: str, field: str, message: str) -> errors.ValidationFailed:
    return errors.ValidationFailed(errors=[{"location": location, "field": field, "message": message}])


def body_of(req: Any) -> bytes:
    """The request's body.

    :raises PayloadTooLarge: Werkzeug cuts a chunked body at the limit, where it refuses one of known length.
    :raises BadRequest: it does not come as HTTP wants it, such as in chunks that are none.
    """
    try:
        body: bytes = req.get_data()
    except HTTPException:
        raise
    except Exception:  # every server has its own error for that
        raise errors.BadRequest("The body could not be read.") from None
    if req.content_length is None and len(body) >= req.max_content_length:
        raise errors.PayloadTooLarge()
    return body


def read_json(body: bytes) -> Any:
    """:raises MalformedJson: :raises ValidationFailed: it is JSON that no database or encoder takes."""
    try:
        value = json.loads(body, parse_constant=_refuse_constant)
    except ValueError:
        raise errors.MalformedJson() from None
    except RecursionError:
        raise _wrong("body", "", f"Nested deeper than {_DEEPEST} levels.") from None
    _check_values(value)
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


class Parser(FlaskParser):
    """Reads a request strictly: unknown fields, wrong types of content and impossible text are refused."""

    DEFAULT_UNKNOWN_BY_LOCATION = {"json": ma.RAISE, "query": ma.RAISE, "form": ma.RAISE, "files": ma.RAISE}

    def load_json(self, req: Any, schema: ma.Schema) -> Any:
        if req.mimetype != "application/json":
            raise errors.UnsupportedMediaType()
        return read_json(body_of(req))

    def load_querystring(self, req: Any, schema: ma.Schema) -> Any:
        for name, values in req.args.lists():
            if len(values) > 1 and not isinstance(schema.fields.get(name), fields.List):
                raise _wrong("query", name, "Given more than once.")
            if any("\x00" in value for value in values):
                raise _wrong("query", name, "Has a NUL.")
        return MultiDictProxy(req.args, schema)

    def handle_error(
        self,
        error: ma.ValidationError,
        req: Any,
        schema: ma.Schema,
        *,
        error_status_code: Any,
        error_headers: Any,
    ) -> Any:
        found: list[dict[str, str]] = []
        for location, messages in error.messages_dict.items():
            place = {"json": "body"}.get(str(location), str(location))
            _flatten(messages, place, "", found)
        raise errors.ValidationFailed(errors=found[:_MOST_FIELDS_TOLD])


_MOST_FIELDS_TOLD = 100  # nobody reads more, and a megabyte of unknown fields would be answered with ten


def _flatten(messages: Any, location: str, path: str, found: list[dict[str, str]]) -> None:
    if isinstance(messages, Mapping):
        for key, below in messages.items():
            part = "" if key == "_schema" else str(key)
            _flatten(below, location, f"{path}.{part}".strip("."), found)
    else:
        for message in messages if isinstance(messages, list) else [messages]:
            found.append({"location": location, "field": path, "message": str(message)})


class Blueprint(flask_smorest.Blueprint):
    """A blueprint whose operations name the errors that they may answer with."""

    ARGUMENTS_PARSER = Parser()

    def arguments(self, schema: Any, **kwargs: Any) -> Callable[[Any], Any]:
        """As flask-smorest's, with one instance of the schema for all requests instead of one for each."""
        if isinstance(schema, type):
            schema = _the_one(schema)
        decorate: Callable[[Any], Any] = super().arguments(schema, **kwargs)
        return decorate

    def response(self, status_code: int, schema: Any = None, **kwargs: Any) -> Callable[[Any], Any]:
        """As flask-smorest's, but without a schema there is no body; its own would be `null`."""
        if isinstance(schema, type):
            schema = _the_one(schema)
        document: Callable[[Any], Any] = super().response(status_code, schema, **kwargs)
        if schema is not None:
            return document

        def decorate(view: Any) -> Any:
            @wraps(view)
            def bare(*args: Any, **kwargs: Any) -> Any:
                answer = view(*args, **kwargs)
                return Response(status=status_code) if answer is None else answer

            return document(bare)

        return decorate

    @staticmethod
    def problems(*kinds: type[errors.ParleyError]) -> Callable[[Any], Any]:
        """Document that the operation may answer with these errors, beside those that every operation has."""

        def decorate(view: Any) -> Any:
            view.problem_kinds = (*kinds, *getattr(view, "problem_kinds", ()))
            return flask_smorest.Blueprint.doc(**{PROBLEMS: view.problem_kinds})(view)

        return decorate

    @staticmethod
    def told_once(view: Any) -> Any:
        """The answer has a secret in it, which no `Idempotency-Key` may keep."""
        view.told_once = True
        return flask_smorest.Blueprint.doc(**{TOLD_ONCE: True})(view)

    @staticmethod
    def routine(view: Any) -> Any:
        """A program asks this again and again by the clock: the log has it only when it fails."""
        view.routine = True
        return view


TOLD_ONCE = "x-told-once"
PROBLEMS = "x-problems"  # where an operation keeps them until core/openapi.py makes responses of them


def _name_in_document(schema: Any) -> str:
    """MeetingOut is what a client knows as Meeting."""
    name: str = resolver(schema)
    return re.sub("Out(Page)?$", r"\1", name)


class Api(flask_smorest.Api):
    """flask-smorest's Api without its own error shape. It writes the document when that is first asked for: calls do
    without, and it would make every start longer.

    :param finish: puts the last touch on the document.
    """

    DEFAULT_ERROR_RESPONSE_NAME = None

    def __init__(self, app: Flask, *, finish: Callable[[APISpec], None], **options: Any) -> None:
        self._finish = finish
        self._blueprints: list[flask_smorest.Blueprint] = []
        self._writing = threading.Lock()
        self._written: str | None = None
        super().__init__(app, **options)

    def _init_spec(self, **options: Any) -> None:
        plugin = MarshmallowPlugin(schema_name_resolver=_name_in_document)
        super()._init_spec(marshmallow_plugin=plugin, **options)
        self.register_converter(IdConverter, lambda _: {"type": "string", "format": "uuid"})
        self._app.cli.commands.pop("openapi")  # it would print what is not written yet

    def register_blueprint(self, blp: flask_smorest.Blueprint, **options: Any) -> None:
        self._app.extensions["flask-smorest"]["blp_name_to_api"][blp.name] = self
        self._app.register_blueprint(blp, **options)
        self._blueprints.append(blp)

    def _openapi_json(self) -> Response:
        return Response(self._document(), mimetype="application/json")

    def _document(self) -> str:
        with self._writing:
            if self._written is None:
                for blp in self._blueprints:
                    blp.register_views_in_doc(self, self._app, self.spec, name=blp.name, parameters=None)
                    self.spec.tag({"name": blp.name, "description": blp.description})
                self._finish(self.spec)
                self._written = self._app.json.dumps(self.spec.to_dict(), indent=2, sort_keys=False)
            return self._written

    def _register_error_handlers(self) -> None:
        app = self._app
        for kind in (HTTPException, errors.ParleyError, JWTExtendedException, PyJWTError, Exception):
            app.register_error_handler(kind, answer_error)

    def _register_responses(self) -> None:
        """Every response is documented by the operation that gives it."""

    def _register_pagination_header(self) -> None:
        """Pages are told in the body."""


def answer_error(error: Exception) -> Response:
    """Turn whatever was raised into a problem document."""
    problem = _as_parley_error(error)
    if problem.status >= 500 and problem is not error:
        log.error("request failed", code=problem.code, exc_info=error)
    response = Response(problem_document(problem, g.get("request_id", "")), problem.status, mimetype=PROBLEM_TYPE)
    response.headers.update(problem.headers)
    if problem.status in (429, 503):
        response.headers.setdefault("Retry-After", "1")
    if problem.status == 401:
        response.headers.setdefault("WWW-Authenticate", 'Bearer realm="parley"')  # RFC 6750 §3
    return response


def problem_document(problem: errors.ParleyError, request_id: str) -> bytes:
    body: dict[str, Any] = {
        "type": f"/problems/{problem.code}",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": problem.detail,
        "code": problem.code,
        "request_id": request_id,
    }
    if problem.errors:
        body["errors"] = problem.errors
    body.update(problem.extra)
    return json.dumps(body).encode()


_BY_STATUS: dict[int, type[errors.ParleyError]] = {
    400: errors.BadRequest,
    404: errors.NotFound,
    405: errors.MethodNotAllowed,
    413: errors.PayloadTooLarge,
    415: errors.UnsupportedMediaType,
    416: errors.RangeNotSatisfiable,
    429: errors.TooManyRequests,
    503: errors.Unavailable,
}


def _as_parley_error(error: Exception) -> errors.ParleyError:
    match error:
        case errors.ParleyError():
            return error
        case HTTPException():
            kind = _BY_STATUS.get(error.code or 500)
            if kind is None:
                return errors.InternalError() if (error.code or 500) >= 500 else errors.BadRequest(error.description)
            headers = dict(error.get_headers())
            told = ("Allow", "Content-Range", "Retry-After")
            return kind(headers={name: headers[name] for name in told if name in headers})
        case ExpiredSignatureError():
            return errors.TokenExpired()
        case JWTExtendedException() | PyJWTError():
            return errors.TokenInvalid()
        case StaleDataError():
            return errors.VersionMismatch()
    if is_outage(error):
        return errors.Unavailable("The database is not available.")
    return errors.InternalError()


def require_version(version: int) -> None:
    """Hold `If-Match` against the version of what is to be changed (RFC 9110 §13.1.1).

    :raises PreconditionRequired: without the header. :raises VersionMismatch: it names another version.
    """
    require_any_version()
    if not request.if_match.contains(str(version)):
        raise errors.VersionMismatch(version=version)


def require_any_version() -> None:
    """Where it is not known yet whether there is anything to change. :raises PreconditionRequired:"""
    if not request.headers.get("If-Match"):
        raise errors.PreconditionRequired()


def etag(version: int) -> dict[str, str]:
    return {"ETag": f'"{version}"'}


def refuse_unread_query(app: Flask) -> None:
    """Operations that read no query refuse every query field; those that read one do so by their schema."""

    @app.before_request
    def check() -> None:
        if not request.args or request.endpoint is None or not request.path.startswith("/api/"):
            return
        view = app.view_functions[request.endpoint]
        name = "get" if request.method == "HEAD" else request.method.lower()
        method = getattr(getattr(view, "view_class", None), name, view)
        read = getattr(method, "_apidoc", {}).get("arguments", {}).get("parameters", [])
        if not any(parameter.get("in") == "query" for parameter in read):
            unknown = [{"location": "query", "field": name, "message": "Unknown field."} for name in request.args]
            raise errors.ValidationFailed(errors=unknown)
