from typing import Any

from flask import Response, after_this_request, current_app, request
from flask.views import MethodView

from app.accounts import links, service, sessions, tokens
from app.accounts.models import User, UserSession
from app.accounts.schemas import (
    EmailIn,
    LinkIn,
    LoginIn,
    MeOut,
    PasswordChange,
    PasswordIn,
    PasswordReset,
    PeoplePage,
    PeopleQuery,
    ProfileUpdate,
    RefreshIn,
    RegisterIn,
    SessionsPage,
    TokensOut,
    UserOut,
)
from app.accounts.throttling import COOKIE, COOKIE_LIVES, LoginThrottle, device_cookie, known_device
from app.core import errors
from app.core.api import Blueprint, etag, require_version
from app.core.client_address import client_network
from app.core.flask_app import actor, work
from app.core.pagination import PageQuery

LOGIN_PATH = "/api/v1/auth/login"

blp = Blueprint("accounts", __name__, description="Register, sign in and out, change one's account, find people.")


@blp.route("/auth/register")
class Register(MethodView):
    @blp.arguments(RegisterIn)
    @blp.response(201, TokensOut)
    @blp.problems(errors.EmailTaken)
    def post(self, data: dict[str, Any]) -> Any:
        """Make an account and sign in to it"""
        registered = service.register(work(), **data, user_agent=user_agent())
        remember_device(data["email"])
        return tokens_for(*registered)


@blp.route("/auth/login")
class Login(MethodView):
    @blp.arguments(LoginIn)
    @blp.response(200, TokensOut)
    @blp.problems(errors.BadCredentials)
    def post(self, data: dict[str, Any]) -> Any:
        """Sign in: begin a session

        Wrong passwords are counted, and too many of them are 429. A device that keeps the cookie of its last sign-in is
        not stopped by what others try.
        """
        device = known_device(signing_secret(), data["email"], request.cookies.get(COOKIE), work().now())
        with work().driver(LoginThrottle).attempt(data["email"], client_network(), device):
            signed_in = service.login(work(), **data, user_agent=user_agent())
        remember_device(data["email"])
        return tokens_for(*signed_in)


@blp.route("/auth/refresh")
class Refresh(MethodView):
    @blp.arguments(RefreshIn)
    @blp.response(200, TokensOut)
    @blp.problems(errors.TokenInvalid, errors.SessionEnded)
    def post(self, data: dict[str, Any]) -> Any:
        """Get new tokens for a refresh token

        It works once: the answer has the next one. When that answer was lost, the same token brings the same next one
        again for a short while (REFRESH_GRACE_S). Used twice otherwise it ends its session, since it is in two hands.
        """
        claims = tokens.read_refresh(data["refresh_token"], work().now())
        return tokens_for(*sessions.refresh(work(), claims.session_id, claims.jti))


@blp.route("/auth/logout")
class Logout(MethodView):
    @blp.response(204)
    def post(self) -> None:
        """Sign out: end the session of this request"""
        sessions.end_own(work(), actor(), actor().session_id, "logout")


@blp.route("/auth/me")
class Me(MethodView):
    @blp.response(200, MeOut)
    def get(self) -> Any:
        """Read one's account"""
        user = service.get_user(work(), actor().user_id)
        return service.own_view(work(), user), 200, etag(user.version)

    @blp.arguments(ProfileUpdate, example={"display_name": "Anna Berg", "ai": {"transcribe": True, "analyse": False}})
    @blp.response(200, MeOut)
    def patch(self, data: dict[str, Any]) -> Any:
        """Change one's name or language, what may be done with what one says, or integrations

        `ai` is for meetings that one joins from now on, unless `join` says otherwise; what is transcribed already
        stays. `integrations` are kept encrypted and never shown again, only their names and when they were set.
        """
        user = service.get_user(work(), actor().user_id)
        require_version(user.version)
        service.update_profile(work(), user, data)
        work().flush()
        return service.own_view(work(), user), 200, etag(user.version)

    @blp.arguments(PasswordIn)
    @blp.response(204)
    @blp.problems(errors.BadCredentials, errors.SignInAgain)
    def delete(self, data: dict[str, Any]) -> None:
        """Erase one's account

        At once nobody can sign in to it, its meetings to come are cancelled, its name and address are
        forgotten. Its calls go, and its meetings in which nobody else ever had a part, with their recordings and
        transcripts. What others share with it stays theirs. An account without a password needs a sign-in of the last
        ten minutes instead.
        """
        service.erase(work(), actor(), **data)


@blp.route("/auth/password")
class Password(MethodView):
    @blp.arguments(PasswordChange)
    @blp.response(204)
    @blp.problems(errors.BadCredentials, errors.NoPassword)
    @blp.doc(operationId="changePassword")
    def post(self, data: dict[str, Any]) -> None:
        """Set another password; the other sessions end"""
        service.change_password(work(), actor(), **data)


@blp.route("/auth/password/forgot")
class PasswordForgot(MethodView):
    @blp.arguments(EmailIn)
    @blp.response(202)
    def post(self, data: dict[str, Any]) -> None:
        """Have a link for a new password mailed

        The answer is the same whether or not there is such an account.
        """
        links.ask_reset(work(), data["email"])


@blp.route("/auth/password/reset")
class PasswordResetByLink(MethodView):
    @blp.arguments(PasswordReset)
    @blp.response(204)
    @blp.problems(errors.TokenNotUsable)
    def post(self, data: dict[str, Any]) -> None:
        """Set a password with a mailed link's token; every session ends"""
        user = service.reset_password(work(), **data)
        if user.email is not None:
            remember_device(user.email)


@blp.route("/auth/verify")
class Verify(MethodView):
    @blp.arguments(LinkIn)
    @blp.response(200, UserOut)
    @blp.problems(errors.TokenNotUsable)
    @blp.doc(operationId="verifyEmail")
    def post(self, data: dict[str, Any]) -> Any:
        """Verify an e-mail address with a mailed link's token"""
        user = links.use(work(), "verify", data["token"])
        return user, 200, etag(user.version)


@blp.route("/auth/verify/send")
class VerifySend(MethodView):
    @blp.response(202)
    @blp.problems(errors.EmailAlreadyVerified, errors.TooManyRequests)
    @blp.doc(operationId="sendVerification")
    def post(self) -> None:
        """Have the link that verifies one's address mailed again"""
        links.ask_verification(work(), service.get_user(work(), actor().user_id))


@blp.route("/auth/sessions")
class Sessions(MethodView):
    @blp.arguments(PageQuery, location="query")
    @blp.response(200, SessionsPage)
    def get(self, query: dict[str, Any]) -> Any:
        """List where one is signed in, newest first"""
        return sessions.list_own(work(), actor(), **query)


@blp.route("/auth/sessions/<id:session_id>")
class SessionById(MethodView):
    @blp.response(204)
    def delete(self, session_id: str) -> None:
        """Sign out elsewhere: end a session of one's own"""
        sessions.end_own(work(), actor(), session_id, "revoked")


@blp.route("/users")
class Users(MethodView):
    @blp.arguments(PeopleQuery, location="query")
    @blp.response(200, PeoplePage)
    def get(self, query: dict[str, Any]) -> Any:
        """Find somebody by their exact, verified e-mail address; without one, list the people one has met"""
        return service.people(work(), actor(), **query)


def tokens_for(user: User, session: UserSession) -> dict[str, Any]:
    return tokens.issue(work().settings, user, session, work().now())


def remember_device(email: str) -> None:
    """Whoever sends this request has shown that the account is theirs: see `throttling.py`."""
    work().driver(LoginThrottle).know(email, client_network())
    value = device_cookie(signing_secret(), email, work().now())

    @after_this_request
    def keep(response: Response) -> Response:
        response.set_cookie(
            COOKIE,
            value,
            max_age=COOKIE_LIVES,
            path=LOGIN_PATH,  # it is sent nowhere else
            secure=work().settings.address.startswith("https:"),
            httponly=True,
            samesite="Strict",
        )
        return response


def signing_secret() -> str:
    secret: str = current_app.config["JWT_SECRET_KEY"]
    return secret


def user_agent() -> str | None:
    return request.headers.get("User-Agent")
