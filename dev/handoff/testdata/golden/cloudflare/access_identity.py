"""Who is looking at the page, as Cloudflare Access has signed it.

The header with the plain e-mail address is not enough: whoever reaches the app past the tunnel can
send it. The assertion is signed with the keys of your team, and the audience says that it was made
for this application and not for another one of the team.

Needs PyJWT[crypto], and CF_TEAM and CF_AUD in the environment, which compose.yaml sets.
"""

import os
from dataclasses import dataclass
from functools import cache
from typing import Any

import jwt
import streamlit as st

_KNOWN = "access_identity"


@dataclass(frozen=True)
class Person:
    """Somebody who has signed in."""

    subject: str  # stays the same when the address changes
    email: str


class NotSignedInError(Exception):
    """The request carries no assertion that holds."""


@cache
def _keys(issuer: str) -> jwt.PyJWKClient:
    return jwt.PyJWKClient(f"{issuer}/cdn-cgi/access/certs", cache_keys=True)


def verify(assertion: str, team: str, audiences: list[str]) -> Person:
    """Return whom the assertion is about; raise NotSignedInError where anything about it is wrong."""
    if not team or not audiences:
        raise NotSignedInError("CF_TEAM or CF_AUD is empty")
    issuer = f"https://{team}.cloudflareaccess.com"
    try:
        claims: dict[str, Any] = jwt.decode(
            assertion,
            _keys(issuer).get_signing_key_from_jwt(assertion).key,
            algorithms=["RS256"],
            audience=audiences,
            issuer=issuer,
            leeway=30,
            options={"require": ["aud", "exp", "iat", "iss", "sub"]},
        )
    except (jwt.PyJWTError, ValueError) as err:
        raise NotSignedInError(str(err)) from err
    # A program that signed in with a service token has neither.
    if not claims["sub"] or not claims.get("email"):
        raise NotSignedInError("not a person")
    return Person(subject=claims["sub"], email=claims["email"].lower())


def person() -> Person:
    """Return who is looking at this page; draw an error and stop it where nobody has signed in.

    Streamlit keeps the headers of the moment in which the browser connected, and an assertion holds for
    minutes: what was verified once counts for as long as that connection lasts.
    """
    assertion = st.context.headers.get("Cf-Access-Jwt-Assertion", "")
    known = st.session_state.get(_KNOWN)
    if assertion and known and known[0] == assertion:
        return known[1]
    audiences = [a for a in os.environ.get("CF_AUD", "").split(",") if a]
    try:
        someone = verify(assertion, os.environ.get("CF_TEAM", ""), audiences)
    except NotSignedInError:
        st.error("Please sign in.")
        st.stop()
    st.session_state[_KNOWN] = (assertion, someone)
    return someone
