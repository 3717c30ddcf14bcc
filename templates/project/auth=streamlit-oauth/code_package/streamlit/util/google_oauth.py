"""Google login for the pages of this app.

Call ``oauth()`` at the top of every page. It lets the rest of the page run only for somebody whose
ID token has been verified; for everybody else it draws the login button and stops the page.

The OAuth client is the JSON that Google offers for download, kept in the AWS parameter
``/streamlit/oauth``. Its ``auth_uri`` and ``token_uri`` are used where they are there. For another
provider than Google it also needs ``jwks_uri`` and ``issuer``.

Environment variables:

``LOCAL_STREAMLIT``         1, true, yes or on: no login. Anything else: login as usual.
``REQUIRE_OAUTH_IN_LOCAL``  1, true, yes or on: login even so.
``OAUTH_REDIRECT_URI``      where the provider sends people back to.
``OAUTH_ISSUER``            who must have issued ID tokens, instead of what the JSON says.
``OAUTH_JWKS_URI``          where the issuer's keys are, instead of what the JSON says.
"""

import json
import os
import secrets
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

import jwt
import streamlit as st
from httpx_oauth.exceptions import HTTPXOAuthError
from streamlit_oauth import OAuth2Component, StreamlitOauthError

from code_package.util.cloud import ParameterError, get_aws_parameter

PARAMETER = "/streamlit/oauth"
LOCAL_REDIRECT_URI = "http://localhost:8501"
REQUIRE_OAUTH_IN_LOCAL = False  # the environment variable of the same name can only add to it

GOOGLE_AUTHORIZE = "https://accounts.google.com/o/oauth2/v2/auth"
GOOGLE_TOKEN = "https://oauth2.googleapis.com/token"  # noqa: S105 (an address)
GOOGLE_JWKS = "https://www.googleapis.com/oauth2/v3/certs"
GOOGLE_ISSUERS = ("https://accounts.google.com", "accounts.google.com")

# Asymmetric algorithms only: with these in the list, "none" and the HMAC family are refused.
ALGORITHMS = ("RS256", "ES256")
LEEWAY = 10  # seconds that two clocks may differ by

_AUTH, _TOKEN, _NONCE = "auth", "token", "auth_nonce"
_ATTEMPT, _ERROR = "auth_attempt", "auth_error"


class LoginError(Exception):
    """A login that cannot begin or must not succeed; the message is fit for the page."""


class Keys(Protocol):
    """Where the keys that sign ID tokens come from; ``jwt.PyJWKClient`` is one."""

    def get_signing_key_from_jwt(self, token: str) -> jwt.PyJWK: ...


@dataclass(frozen=True)
class Client:
    """The OAuth client and its provider."""

    id: str
    secret: str
    authorize: str
    token: str
    jwks: str
    issuers: tuple[str, ...]
    redirect_uris: tuple[str, ...]


def oauth() -> None:
    """Stop the page unless somebody is signed in.

    Afterwards ``st.session_state["auth"]`` is their e-mail address, and ``st.session_state["token"]``
    what the provider's token endpoint answered. With the login left out neither is there.
    """
    if is_local() and not is_required_in_local():
        st.warning(
            "**Login is off.** `LOCAL_STREAMLIT` is set, so everybody who reaches this page is let in.",
            icon=":material/lock_open:",
        )
        return
    if _AUTH in st.session_state:
        _offer_logout()
        return
    try:
        client = parse_client(get_aws_parameter(PARAMETER))
        redirect_uri = choose_redirect_uri(client)
    except (LoginError, ParameterError) as err:
        st.error(f"**Login is not possible.** {err}", icon=":material/lock:")
        st.stop()
    _ask(client, redirect_uri)


def is_local() -> bool:
    """Tell whether ``LOCAL_STREAMLIT`` asks for the login to be left out."""
    return _is_on("LOCAL_STREAMLIT")


def is_required_in_local() -> bool:
    """Tell whether the login is wanted although ``LOCAL_STREAMLIT`` is set."""
    return REQUIRE_OAUTH_IN_LOCAL or _is_on("REQUIRE_OAUTH_IN_LOCAL")


def _is_on(variable: str) -> bool:
    # Only these words count. "0", "false" and typing mistakes leave the login on.
    return os.environ.get(variable, "").strip().lower() in {"1", "true", "yes", "on"}


def parse_client(text: str) -> Client:
    """Return the client that Google's client JSON describes."""
    try:
        web = json.loads(text)["web"]
        client_id, secret = web["client_id"], web["client_secret"]
    except (ValueError, KeyError, TypeError) as err:
        raise LoginError(
            f"The parameter {PARAMETER} is no web client JSON: it needs `web` with `client_id` and `client_secret`."
        ) from err
    authorize = web.get("auth_uri", GOOGLE_AUTHORIZE)
    token = web.get("token_uri", GOOGLE_TOKEN)
    google = _host(authorize) == _host(GOOGLE_AUTHORIZE) and _host(token) == _host(GOOGLE_TOKEN)
    jwks = os.environ.get("OAUTH_JWKS_URI") or web.get("jwks_uri") or (GOOGLE_JWKS if google else "")
    issuer = os.environ.get("OAUTH_ISSUER") or web.get("issuer")
    issuers = (issuer,) if issuer else GOOGLE_ISSUERS if google else ()
    if not jwks or not issuers:
        raise LoginError(f"The provider is not Google, so {PARAMETER} also needs `jwks_uri` and `issuer`.")
    for url in (authorize, token, jwks):
        _check_transport(url)
    return Client(
        id=client_id,
        secret=secret,
        authorize=authorize,
        token=token,
        jwks=jwks,
        issuers=issuers,
        redirect_uris=tuple(web.get("redirect_uris", ())),
    )


def _host(url: str) -> str | None:
    return urlsplit(url).hostname


def _check_transport(url: str) -> None:
    # What travels to these is the client's secret, or the keys that everything rests on.
    if urlsplit(url).scheme != "https" and _host(url) not in {"localhost", "127.0.0.1", "::1"}:
        raise LoginError(f"{url} is not an https address.")


def choose_redirect_uri(client: Client) -> str:
    """Return where the provider sends people back to. It is never guessed among several."""
    if explicit := os.environ.get("OAUTH_REDIRECT_URI"):
        return explicit
    if is_local():
        return LOCAL_REDIRECT_URI
    if len(client.redirect_uris) == 1:
        return client.redirect_uris[0]
    known = ", ".join(f"`{uri}`" for uri in client.redirect_uris) or "none"
    raise LoginError(f"Set `OAUTH_REDIRECT_URI` to the address of this app. The client's registered ones: {known}.")


def verify_id_token(id_token: str, client: Client, nonce: str, keys: Keys) -> dict[str, Any]:
    """Return the claims of ``id_token``, or raise :class:`LoginError`.

    Checked are the signature, issuer, audience and expiry, and that the token answers the very
    request that this browser tab made.
    """
    try:
        claims = jwt.decode(
            id_token,
            keys.get_signing_key_from_jwt(id_token),
            algorithms=list(ALGORITHMS),
            audience=client.id,
            issuer=list(client.issuers),
            leeway=LEEWAY,
            options={"require": ["iss", "sub", "aud", "exp", "iat"]},
        )
    except jwt.PyJWTError as err:
        raise LoginError(f"The ID token is not valid: {err}.") from err
    if claims.get("azp", client.id) != client.id:
        raise LoginError("The ID token was issued to another client.")
    if not nonce or claims.get("nonce") != nonce:
        raise LoginError("The ID token does not belong to this login.")
    if not claims.get("email") or claims.get("email_verified") is False:
        raise LoginError("The ID token holds no verified e-mail address.")
    return claims


@st.cache_resource
def _keys(jwks_uri: str) -> jwt.PyJWKClient:
    # It caches the keys and fetches them again when a token names one that it does not know.
    return jwt.PyJWKClient(jwks_uri, timeout=5)


def _ask(client: Client, redirect_uri: str) -> None:
    """Draw the login button; once somebody has used it, verify, and run the page again."""
    state = st.session_state
    nonce = state.setdefault(_NONCE, secrets.token_urlsafe(32))
    if error := state.get(_ERROR):
        st.error(f"**Login did not succeed.** {error}", icon=":material/lock:")
    provider = OAuth2Component(
        client.id, client.secret, authorize_endpoint=client.authorize, token_endpoint=client.token
    )
    try:
        result = provider.authorize_button(
            name="Continue with Google",
            redirect_uri=redirect_uri,
            scope="openid email profile",
            # A component keeps its answer for as long as it keeps its key: a new attempt needs a new one.
            key=f"google-{state.get(_ATTEMPT, 0)}",
            pkce="S256",
            extras_params={"nonce": nonce, "prompt": "select_account"},
            use_container_width=True,
        )
        if not result:
            st.stop()
        claims = verify_id_token(_id_token(result), client, nonce, _keys(client.jwks))
    except (LoginError, StreamlitOauthError, HTTPXOAuthError) as err:
        state[_ERROR] = _reason(err)
        state[_ATTEMPT] = state.get(_ATTEMPT, 0) + 1
    else:
        state[_AUTH], state[_TOKEN] = claims["email"], result["token"]
        state.pop(_ERROR, None)
    del state[_NONCE]
    st.rerun()


def _reason(err: Exception) -> str:
    # The provider's own error codes come as the query of its answer; only the code is shown, because
    # whoever makes the link chooses the rest.
    if isinstance(err, StreamlitOauthError) and isinstance(err.args[0], dict):
        code = str(err.args[0].get("error", "")).replace("`", "")
        return f"The provider answered `{code}`."
    return str(err)


def _id_token(result: dict[str, Any]) -> str:
    try:
        return result["token"]["id_token"]
    except KeyError as err:
        raise LoginError("The provider sent no ID token.") from err


def _offer_logout() -> None:
    with st.sidebar:
        st.caption(f"Signed in as **{st.session_state[_AUTH]}**")
        if st.button("Logout", icon=":material/logout:", width="stretch"):
            del st.session_state[_AUTH], st.session_state[_TOKEN]
            st.rerun()
