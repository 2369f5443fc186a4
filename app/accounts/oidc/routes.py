from typing import Any
from urllib.parse import quote, urlencode

import structlog
from flask import Response, g, request
from flask.views import MethodView

from app.accounts import service as accounts
from app.accounts.oidc import attempts, service
from app.accounts.oidc.providers import Provider, Providers
from app.accounts.oidc.schemas import (
    CODE_EXAMPLE,
    CallbackQuery,
    ConnectIn,
    ExchangeIn,
    IdentitiesPage,
    IdentityOut,
    ProvidersPage,
    StartQuery,
)
from app.accounts.routes import remember_device, tokens_for, user_agent
from app.accounts.schemas import TokensOut
from app.core import errors
from app.core.api import Blueprint
from app.core.flask_app import actor, work
from app.core.pagination import PageQuery
from app.core.retries import retried
from app.core.sealing import Sealer

COOKIE_PATH = "/api/v1/auth/oidc"

log = structlog.get_logger()

blp = Blueprint("sign-in by providers", __name__, description="Sign in with Google, or any OpenID provider.")


@blp.route("/auth/oidc")
class OidcProviders(MethodView):
    @blp.response(200, ProvidersPage)
    @blp.doc(operationId="listOidcProviders")
    def get(self) -> Any:
        """List the providers that one can sign in with"""
        providers = work().driver(Providers).all()
        return {"items": [{"name": one.name, "label": one.setting.label} for one in providers], "next_cursor": None}


@blp.route("/auth/oidc/<provider>/start")
class OidcStart(MethodView):
    @blp.arguments(StartQuery, location="query")
    @blp.response(302)
    @blp.problems(errors.ProviderUnavailable)
    @blp.doc(operationId="startOidc")
    def get(self, query: dict[str, Any], provider: str) -> Response:
        """Send a browser to a provider

        It comes back to `return_to` with a `code`: behind the # of an address here, else in the query. With the
        `code_verifier`, `exchange` makes tokens of it, once, within two minutes. A page whose sign-in failed gets
        `error` instead, which is one of our codes, or `sign_in_cancelled` or `sign_in_expired`.
        """
        asked = work().driver(Providers).get(provider)
        attempt = attempts.begin(work().settings, provider, now=work().now(), **query)
        try:
            url = asked.authorization_url(
                redirect_uri=_callback(provider),
                state=attempt.state,
                nonce=attempt.nonce,
                code_verifier=attempt.code_verifier,
            )
        except errors.ProviderUnavailable as error:
            if "text/html" not in request.headers.get("Accept", ""):
                raise
            return _back(attempt.return_to, error=error.code)  # a browser would show a person JSON
        response = _redirect(url)
        _keep(response, attempts.seal(work().driver(Sealer), attempt), int(attempts.LIVES.total_seconds()))
        return response


@blp.route("/auth/oidc/<provider>/callback")
class OidcCallback(MethodView):
    @blp.arguments(CallbackQuery, location="query")
    @blp.response(302)
    @blp.doc(operationId="finishOidc")
    def get(self, query: dict[str, Any], provider: str) -> Response:
        """Where a provider sends the browser back to; not for calling"""
        asked = work().driver(Providers).get(provider)
        cookie = request.cookies.get(attempts.COOKIE)
        sealer = work().driver(Sealer)
        attempt = attempts.unseal(sealer, cookie, provider=provider, state=query["state"], now=work().now())
        if attempt is None:
            return _back("/sign-in", error="sign_in_expired")
        try:
            response = _back(attempt.return_to, code=_hand_off(asked, attempt, query))
        except errors.ParleyError as error:
            log.info("a sign-in with a provider failed", provider=provider, code=error.code, detail=error.detail)
            response = _back(attempt.return_to, error=error.code)
        except _Cancelled:
            response = _back(attempt.return_to, error="sign_in_cancelled")
        _keep(response, "", 0)
        return response


@blp.route("/auth/oidc/<provider>/exchange")
class OidcExchange(MethodView):
    @blp.arguments(ExchangeIn, example=CODE_EXAMPLE)
    @blp.response(200, TokensOut)
    @blp.problems(errors.ProofNotValid, errors.TokenNotUsable, errors.ProviderToldNoEmail)
    @blp.problems(errors.AddressHasAccount, errors.EmailTaken, errors.ProviderUnavailable)
    @blp.doc(operationId="exchangeOidc")
    def post(self, data: dict[str, Any], provider: str) -> Any:
        """Sign in with what a provider gave

        Three ways: `code` and `code_verifier`, after `start`. For apps that speak to the provider themselves, these
        with the `redirect_uri` that the code was sent to and the `nonce` that they chose; or, where the phone itself
        signs in, the `id_token` and its `nonce`: each signs in once. Who is new gets an account.
        """
        device = data.pop("device")
        signed_in = service.sign_in(work(), _proof(provider, data), device=device, user_agent=user_agent())
        if signed_in[0].email is not None:
            remember_device(signed_in[0].email)
        return tokens_for(*signed_in)


@blp.route("/auth/me/identities")
class Identities(MethodView):
    @blp.arguments(PageQuery, location="query")
    @blp.response(200, IdentitiesPage)
    @blp.doc(operationId="listIdentities")
    def get(self, query: dict[str, Any]) -> Any:
        """List the accounts at providers that sign in to one's own, oldest first"""
        return service.list_own(work(), actor(), **query)

    @blp.arguments(ConnectIn, example={"provider": "google", "password": "correct horse battery", **CODE_EXAMPLE})
    @blp.response(201, IdentityOut)
    @blp.problems(errors.ProofNotValid, errors.TokenNotUsable, errors.IdentityTaken, errors.ProviderUnavailable)
    @blp.problems(errors.BadCredentials, errors.SignInAgain, errors.NotFound)
    @blp.doc(operationId="connectIdentity")
    def post(self, data: dict[str, Any]) -> Any:
        """Let an account at a provider sign in to one's own, whatever its address

        With the password; an account without one needs a sign-in of the last ten minutes.
        """
        accounts.confirm(work(), actor(), data.pop("password"))
        return service.connect(work(), actor(), _proof(data.pop("provider"), data))


@blp.route("/auth/me/identities/<id:identity_id>")
class IdentityById(MethodView):
    @blp.response(204)
    @blp.problems(errors.LastWayIn)
    @blp.doc(operationId="disconnectIdentity")
    def delete(self, identity_id: str) -> None:
        """Let an account at a provider not sign in any more"""
        service.disconnect(work(), actor(), identity_id)


class _Cancelled(Exception):
    """The person has said no, or the provider has; what it says is its own business."""


def _hand_off(provider: Provider, attempt: attempts.Attempt, query: dict[str, Any]) -> str:
    if query["error"] is not None or not query["code"]:
        raise _Cancelled
    if query["iss"] is not None and query["iss"] != provider.issuer():  # RFC 9207: sent on by another provider
        raise errors.ProofNotValid("Another provider has answered.")
    now, runtime = work().now(), work().runtime
    proven = provider.redeem(
        code=query["code"],
        code_verifier=attempt.code_verifier,
        redirect_uri=_callback(provider.name),
        nonce=attempt.nonce,
        now=now,
    )

    def keep() -> str:
        with runtime.writing() as writing:  # a GET's own unit of work only reads
            return service.hand_off(writing, state=attempt.state, code_challenge=attempt.code_challenge, proven=proven)

    return retried(keep)


def _proof(provider: str, data: dict[str, Any]) -> service.Proof:
    """A code works once at the provider too: when the request is run again after a lost race, it is not asked again."""
    if "oidc_proof" not in g:
        g.oidc_proof = service.from_provider(work().driver(Providers).get(provider), data, work().now())
    proof: service.Proof = g.oidc_proof
    return proof


def _callback(provider: str) -> str:
    return f"{work().settings.address}/api/v1/auth/oidc/{provider}/callback"


def _back(return_to: str, **told: str) -> Response:
    """To an address here behind the #, which browsers send to no server; to an app in the query."""
    if return_to.startswith("/"):
        return _redirect(f"{work().settings.address}{return_to}#/oidc?{urlencode(told)}")
    return _redirect(f"{return_to}{'&' if '?' in return_to else '?'}{urlencode(told)}")


def _redirect(url: str) -> Response:
    """Without a body, in which the address would stand again."""
    response = Response(status=302)
    response.headers["Location"] = quote(url, safe=":/?#[]@!$&'()*+,;=%-._~")
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _keep(response: Response, value: str, max_age: int) -> None:
    response.set_cookie(
        attempts.COOKIE,
        value,
        max_age=max_age,
        path=COOKIE_PATH,
        secure=work().settings.address.startswith("https:"),
        httponly=True,
        samesite="Lax",  # Strict ones are not sent when a provider sends the browser back
    )
