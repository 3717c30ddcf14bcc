"""What Identity-Aware Proxy says: which assertions hold, and which do not."""

import io
import json
import time

import jwt
import pytest
import streamlit as st
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm
from streamlit.testing.v1 import AppTest

from code_package.streamlit.util import iap_identity
from code_package.streamlit.util.iap_identity import NotSignedInError, verify

AUDIENCES = ["/projects/1/global/backendServices/2", "/projects/1/locations/europe-west1/services/shop"]
OURS, FOREIGN = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))


@pytest.fixture(autouse=True)
def google(monkeypatch):
    """Stand in for the address that keys are fetched from; give the list of what was fetched."""
    key = ECAlgorithm.to_jwk(OURS.public_key(), as_dict=True) | {"kid": "f9R3yg", "alg": "ES256", "use": "sig"}
    fetched = []

    def answer(opener, request, *_, **__):
        fetched.append(request.full_url)
        return io.BytesIO(json.dumps({"keys": [key]}).encode())

    monkeypatch.setattr("urllib.request.OpenerDirector.open", answer)
    iap_identity._keys.cache_clear()
    monkeypatch.delenv("LOCAL_STREAMLIT", raising=False)
    monkeypatch.setenv("IAP_AUDIENCES", ",".join(AUDIENCES))
    return fetched


def assertion(key=OURS, algorithm="ES256", kid="f9R3yg", **changes):
    now = int(time.time())
    good = {
        "iss": "https://cloud.google.com/iap",
        "aud": AUDIENCES[0],
        "sub": "accounts.google.com:1",
        "email": "Zoë@example.com",
        "iat": now,
        "exp": now + 600,
    }
    claims = {k: v for k, v in (good | changes).items() if v is not None}
    return jwt.encode(claims, key, algorithm=algorithm, headers={"kid": kid})


@pytest.mark.parametrize("audience", AUDIENCES)
def test_assertion_of_the_proxy_is_accepted(audience, google):
    someone = verify(assertion(aud=audience), AUDIENCES)
    assert (someone.subject, someone.email, someone.guest) == ("accounts.google.com:1", "zoë@example.com", False)
    assert google == ["https://www.gstatic.com/iap/verify/public_key-jwk"]


def test_guest_is_known_by_the_claims_of_identity_platform():
    prefix = "securetoken.google.com/shop:"
    token = assertion(sub=f"{prefix}2", email=f"{prefix}ada@example.com", gcip={"email": "Ada@example.com"})
    someone = verify(token, AUDIENCES)
    assert (someone.subject, someone.email, someone.guest) == (f"{prefix}2", "ada@example.com", True)


@pytest.mark.parametrize(
    "changes",
    [
        {"key": FOREIGN},
        {"key": "secret" * 8, "algorithm": "HS256"},
        {"key": None, "algorithm": "none"},
        {"kid": "unknown"},
        {"aud": "/projects/1/global/backendServices/3"},
        {"aud": None},
        {"iss": "https://cloud.google.com/other"},
        {"exp": int(time.time()) - 3600},
        {"exp": None},
        {"iat": int(time.time()) + 3600},
        {"sub": None},
    ],
    ids=str,
)
def test_other_assertion_is_refused(changes):
    with pytest.raises(NotSignedInError):
        verify(assertion(**changes), AUDIENCES)


def test_changed_claims_are_refused():
    header, _, signature = assertion().split(".")
    _, claims, _ = assertion(key=FOREIGN, email="eve@example.com").split(".")
    with pytest.raises(NotSignedInError):
        verify(f"{header}.{claims}.{signature}", AUDIENCES)


@pytest.mark.parametrize("token", ["", "a.b", "a.b.c"])
def test_no_assertion_is_refused(token):
    with pytest.raises(NotSignedInError):
        verify(token, AUDIENCES)


def test_missing_settings_let_nobody_in():
    with pytest.raises(NotSignedInError):
        verify(assertion(), [])


def page():
    import streamlit as st

    from code_package.streamlit.util.login import login

    st.title(login().email)


def show(monkeypatch, **headers):
    monkeypatch.setattr(type(st.context), "headers", {k.replace("_", "-"): v for k, v in headers.items()})
    return AppTest.from_function(page, default_timeout=30)


def test_page_runs_for_whom_the_proxy_signed(monkeypatch):
    app = show(monkeypatch, X_Goog_Iap_Jwt_Assertion=assertion()).run()
    assert app.title[0].value == "zoë@example.com" and "zoë@example.com" in app.sidebar.caption[0].value
    assert "CLEAR_LOGIN_COOKIE" in app.sidebar.markdown[0].value


def test_page_stays_while_the_assertion_grows_old(monkeypatch):
    app = show(monkeypatch, X_Goog_Iap_Jwt_Assertion=assertion()).run()

    def refuse(*_):
        raise NotSignedInError("too old")

    monkeypatch.setattr(iap_identity, "verify", refuse)
    assert app.run().title


def test_headers_without_a_signature_let_nobody_in(monkeypatch):
    app = show(monkeypatch, X_Goog_Authenticated_User_Email="accounts.google.com:eve@example.com").run()
    assert not app.title and app.error[0].value == "Please sign in."
