"""Who is looking at the page, as Identity-Aware Proxy has signed it.

The headers with the plain e-mail address are not enough: whoever reaches the app past IAP can send
them. The assertion carries a signature of Google's, and the audience says that it was made for this
service and not for another one behind IAP.

Needs PyJWT[crypto], and IAP_AUDIENCES in the environment, which the service sets.
"""

import os
from dataclasses import dataclass
from functools import cache
from typing import Any

import jwt
import streamlit as st

KEYS = "https://www.gstatic.com/iap/verify/public_key-jwk"
ISSUER = "https://cloud.google.com/iap"

_KNOWN = "iap_identity"


@dataclass(frozen=True)
class Person:
    """Somebody who has signed in."""

    subject: str  # stays the same when the address changes
    email: str
    guest: bool  # signed in with e-mail and password, not with Google


class NotSignedInError(Exception):
    """The request carries no assertion that holds."""


@cache
def _keys() -> jwt.PyJWKClient:
    return jwt.PyJWKClient(KEYS, cache_keys=True)


def verify(assertion: str, audiences: list[str]) -> Person:
    """Return whom the assertion is about; raise NotSignedInError where anything about it is wrong."""
    if not audiences:
        raise NotSignedInError("IAP_AUDIENCES is empty")
    try:
        claims: dict[str, Any] = jwt.decode(
            assertion,
            _keys().get_signing_key_from_jwt(assertion).key,
            algorithms=["ES256"],
            audience=audiences,
            issuer=ISSUER,
            leeway=30,
            options={"require": ["aud", "exp", "iat", "iss", "sub"]},
        )
    except (jwt.PyJWTError, ValueError) as err:
        raise NotSignedInError(str(err)) from err
    # A guest's own claims are those of Identity Platform.
    guest = claims.get("gcip")
    email = (guest if isinstance(guest, dict) else claims).get("email", "")
    email = email.removeprefix("accounts.google.com:").lower()
    return Person(subject=claims["sub"], email=email, guest="gcip" in claims)


def person() -> Person:
    """Return who is looking at this page; draw an error and stop it where nobody has signed in.

    Streamlit keeps the headers of the moment in which the browser connected, and an assertion holds for
    minutes: what was verified once counts for as long as that connection lasts.
    """
    assertion = st.context.headers.get("X-Goog-Iap-Jwt-Assertion", "")
    known = st.session_state.get(_KNOWN)
    if assertion and known and known[0] == assertion:
        return known[1]
    audiences = [a for a in os.environ.get("IAP_AUDIENCES", "").split(",") if a]
    try:
        someone = verify(assertion, audiences)
    except NotSignedInError:
        st.error("Please sign in.")
        st.stop()
    st.session_state[_KNOWN] = (assertion, someone)
    return someone
