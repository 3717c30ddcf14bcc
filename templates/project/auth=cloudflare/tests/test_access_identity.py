"""What Cloudflare Access says: which assertions hold, and which do not."""

import io
import json
import time

import jwt
import pytest
import streamlit as st
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm
from streamlit.testing.v1 import AppTest

from code_package.streamlit.util import access_identity
from code_package.streamlit.util.access_identity import NotSignedInError, verify

TEAM = "acme"
AUDIENCES = ["a" * 64, "b" * 64]
KID = "c" * 64
OURS, FOREIGN = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))


@pytest.fixture(autouse=True)
def access(monkeypatch):
    """Stand in for the address that keys are fetched from; give the list of what was fetched."""
    key = RSAAlgorithm.to_jwk(OURS.public_key(), as_dict=True) | {"kid": KID, "alg": "RS256", "use": "sig"}
    fetched = []

    def answer(opener, request, *_, **__):
        fetched.append(request.full_url)
        return io.BytesIO(json.dumps({"keys": [key], "public_certs": []}).encode())

    monkeypatch.setattr("urllib.request.OpenerDirector.open", answer)
    access_identity._keys.cache_clear()
    monkeypatch.delenv("LOCAL_STREAMLIT", raising=False)
    monkeypatch.setenv("CF_TEAM", TEAM)
    monkeypatch.setenv("CF_AUD", ",".join(AUDIENCES))
    return fetched


def assertion(key=OURS, algorithm="RS256", kid=KID, **changes):
    now = int(time.time())
    good = {
        "aud": [AUDIENCES[0]],
        "email": "Zoë@example.com",
        "exp": now + 600,
        "iat": now,
        "nbf": now,
        "iss": f"https://{TEAM}.cloudflareaccess.com",
        "type": "app",
        "sub": "1",
        "country": "DE",
    }
    claims = {k: v for k, v in (good | changes).items() if v is not None}
    return jwt.encode(claims, key, algorithm=algorithm, headers={"kid": kid})


@pytest.mark.parametrize("audience", AUDIENCES)
def test_assertion_of_access_is_accepted(audience, access):
    someone = verify(assertion(aud=[audience]), TEAM, AUDIENCES)
    assert (someone.subject, someone.email) == ("1", "zoë@example.com")
    assert access == ["https://acme.cloudflareaccess.com/cdn-cgi/access/certs"]


@pytest.mark.parametrize(
    "changes",
    [
        {"key": FOREIGN},
        {"key": "secret" * 8, "algorithm": "HS256"},
        {"key": None, "algorithm": "none"},
        {"kid": "d" * 64},
        {"aud": ["d" * 64]},
        {"aud": None},
        {"iss": "https://other.cloudflareaccess.com"},
        {"exp": int(time.time()) - 3600},
        {"exp": None},
        {"nbf": int(time.time()) + 3600},
        {"sub": "", "email": None, "common_name": "program.access"},
    ],
    ids=str,
)
def test_other_assertion_is_refused(changes):
    with pytest.raises(NotSignedInError):
        verify(assertion(**changes), TEAM, AUDIENCES)


def test_changed_claims_are_refused():
    header, _, signature = assertion().split(".")
    _, claims, _ = assertion(key=FOREIGN, email="eve@example.com").split(".")
    with pytest.raises(NotSignedInError):
        verify(f"{header}.{claims}.{signature}", TEAM, AUDIENCES)


@pytest.mark.parametrize("token", ["", "a.b", "a.b.c"])
def test_no_assertion_is_refused(token):
    with pytest.raises(NotSignedInError):
        verify(token, TEAM, AUDIENCES)


@pytest.mark.parametrize(("team", "audiences"), [("", AUDIENCES), (TEAM, [])])
def test_missing_settings_let_nobody_in(team, audiences):
    with pytest.raises(NotSignedInError):
        verify(assertion(iss=f"https://{team}.cloudflareaccess.com"), team, audiences)


def page():
    import streamlit as st

    from code_package.streamlit.util.login import login

    st.title(login().email)


def show(monkeypatch, **headers):
    monkeypatch.setattr(type(st.context), "headers", {k.replace("_", "-"): v for k, v in headers.items()})
    return AppTest.from_function(page, default_timeout=30)


def test_page_runs_for_whom_access_signed(monkeypatch):
    app = show(monkeypatch, Cf_Access_Jwt_Assertion=assertion()).run()
    assert app.title[0].value == "zoë@example.com" and "zoë@example.com" in app.sidebar.caption[0].value
    assert "/cdn-cgi/access/logout" in app.sidebar.markdown[0].value


def test_page_stays_while_the_assertion_grows_old(monkeypatch):
    app = show(monkeypatch, Cf_Access_Jwt_Assertion=assertion()).run()

    def refuse(*_):
        raise NotSignedInError("too old")

    monkeypatch.setattr(access_identity, "verify", refuse)
    assert app.run().title


def test_headers_without_a_signature_let_nobody_in(monkeypatch):
    app = show(monkeypatch, Cf_Access_Authenticated_User_Email="eve@example.com").run()
    assert not app.title and app.error[0].value == "Please sign in."
