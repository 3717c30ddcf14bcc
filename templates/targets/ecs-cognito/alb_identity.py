"""Who is looking at the page, as the load balancer has signed it.

A header alone proves nothing. The load balancer's token carries a signature, and the name of the load
balancer that made it: any other one, in any account, signs with keys from the same address. The groups
are not in it; they are in Cognito's access token, which comes in a header of its own.

Needs cryptography and PyJWT 2.7 or newer, and in the environment ALB_ARN, COGNITO_CLIENT_ID and
COGNITO_USER_POOL_ID, which the task definition sets.
"""

import base64
import json
import os
import re
import time
import urllib.request
from dataclasses import dataclass
from functools import cache
from typing import Any

import jwt
import streamlit as st
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

LEEWAY = 30  # seconds that two clocks may differ by
_SEEN = "alb_identity"


@dataclass(frozen=True)
class Person:
    """Somebody who has signed in."""

    subject: str  # stays the same when the address changes
    email: str
    groups: frozenset[str]


@dataclass(frozen=True)
class Door:
    """What the tokens must have been made by, and for."""

    balancer: str  # ARN
    client: str
    pool: str

    @classmethod
    def of_environment(cls) -> "Door":
        env = os.environ
        return cls(env.get("ALB_ARN", ""), env.get("COGNITO_CLIENT_ID", ""), env.get("COGNITO_USER_POOL_ID", ""))

    @property
    def region(self) -> str:
        return self.balancer.split(":")[3]

    @property
    def issuer(self) -> str:
        suffix = ".cn" if self.region.startswith("cn-") else ""
        return f"https://cognito-idp.{self.region}.amazonaws.com{suffix}/{self.pool}"


class NotSignedInError(Exception):
    """The request carries no token that holds."""


@cache
def _signer_key(region: str, kid: str) -> ec.EllipticCurvePublicKey:
    # The name goes into an address, so it is nothing but a name.
    if not re.fullmatch(r"[A-Za-z0-9-]{1,64}", kid):
        raise NotSignedInError("the token names no key")
    url = f"https://public-keys.auth.elb.{region}.amazonaws.com/{kid}"
    if region.startswith("us-gov-"):
        url = f"https://s3-{region}.amazonaws.com/aws-elb-public-keys-prod-{region}/{kid}"
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 (always https)
        key = serialization.load_pem_public_key(answer.read())
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise NotSignedInError("the load balancer's key is of another kind")
    return key


@cache
def _pool_keys(issuer: str) -> jwt.PyJWKClient:
    return jwt.PyJWKClient(f"{issuer}/.well-known/jwks.json", timeout=5)


def _decode(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def verify_data(token: str, door: Door) -> dict[str, Any]:
    """Return the claims of x-amzn-oidc-data; raise NotSignedInError where anything about it is wrong.

    The parts of this token have padding and the signature covers it, which libraries for tokens refuse
    or strip. So it is taken apart here.
    """
    if not (door.balancer and door.client and door.pool):
        raise NotSignedInError("ALB_ARN, COGNITO_CLIENT_ID or COGNITO_USER_POOL_ID is not set")
    try:
        head, body, signature = token.split(".")
        header, claims, raw = json.loads(_decode(head)), json.loads(_decode(body)), _decode(signature)
        if header["alg"] != "ES256" or len(raw) != 64:
            raise NotSignedInError("the token is signed in another way")
        if header["signer"] != door.balancer:
            raise NotSignedInError("another load balancer has signed the token")
        if header["client"] != door.client or header["iss"] != door.issuer:
            raise NotSignedInError("the token is of another sign-in")
        if header["exp"] < time.time() - LEEWAY:
            raise NotSignedInError("the token is too old")
        rs = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
        _signer_key(door.region, header["kid"]).verify(rs, f"{head}.{body}".encode(), ec.ECDSA(hashes.SHA256()))
    except (ValueError, KeyError, TypeError, AttributeError, OSError, InvalidSignature) as err:
        raise NotSignedInError(f"the token does not hold: {err!r}") from err
    return claims


def verify_groups(token: str, subject: str, door: Door) -> frozenset[str]:
    """Return the groups that Cognito's access token of that person names."""
    try:
        claims = jwt.decode(
            token,
            _pool_keys(door.issuer).get_signing_key_from_jwt(token).key,
            algorithms=["RS256"],
            issuer=door.issuer,
            leeway=LEEWAY,
            options={"require": ["exp", "iss", "sub"], "verify_aud": False},  # this kind has none
        )
    except (jwt.PyJWTError, ValueError) as err:
        raise NotSignedInError(str(err)) from err
    if claims.get("client_id") != door.client or claims.get("token_use") != "access" or claims["sub"] != subject:
        raise NotSignedInError("the access token is of somebody or something else")
    return frozenset(claims.get("cognito:groups", ()))


def person() -> Person:
    """Return who is looking at this page; draw an error and stop it where nobody has signed in."""
    headers = st.context.headers
    data, access = headers.get("X-Amzn-Oidc-Data", ""), headers.get("X-Amzn-Oidc-Accesstoken", "")
    # The headers are those of the moment at which the page connected, and the tokens live for minutes:
    # what has been verified once holds for as long as this connection.
    seen = st.session_state.get(_SEEN)
    if seen and seen[0] == (data, access):
        return seen[1]
    door = Door.of_environment()
    try:
        claims = verify_data(data, door)
        found = Person(claims["sub"], claims.get("email", "").lower(), verify_groups(access, claims["sub"], door))
    except (NotSignedInError, KeyError):
        st.error("Please sign in.")
        st.stop()
    st.session_state[_SEEN] = ((data, access), found)
    return found


def require(*groups: str) -> Person:
    """Return who is looking at this page; stop it for everybody who is in none of these groups."""
    who = person()
    if not who.groups.intersection(groups):
        st.error("This page is not for you.")
        st.stop()
    return who
