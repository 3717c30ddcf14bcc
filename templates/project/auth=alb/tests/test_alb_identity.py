"""What the load balancer says: which tokens hold, and which do not."""

import base64
import io
import json
import time

import jwt
import pytest
import streamlit as st
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from jwt.algorithms import RSAAlgorithm
from streamlit.testing.v1 import AppTest

from code_package.streamlit.util import alb_identity
from code_package.streamlit.util.alb_identity import Door, NotSignedInError, verify_data, verify_groups

BALANCER = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/shop/1"
DOOR = Door(balancer=BALANCER, client="client", pool="eu-central-1_x")
KID = "0a1b-2c"
KEY_URL = f"https://public-keys.auth.elb.eu-central-1.amazonaws.com/{KID}"
JWKS_URL = f"{DOOR.issuer}/.well-known/jwks.json"

BALANCERS_KEY, FOREIGN_BALANCERS_KEY = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
POOLS_KEY, FOREIGN_POOLS_KEY = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))


@pytest.fixture(autouse=True)
def aws(monkeypatch):
    """Stand in for the addresses that keys are fetched from; give the list of what was fetched."""
    pem = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    pool = RSAAlgorithm.to_jwk(POOLS_KEY.public_key(), as_dict=True) | {"kid": "pool-1", "alg": "RS256", "use": "sig"}
    answers = {
        KEY_URL: BALANCERS_KEY.public_key().public_bytes(*pem),
        JWKS_URL: json.dumps({"keys": [pool]}).encode(),
    }
    fetched = []

    def answer(opener, request, *_, **__):
        url = request if isinstance(request, str) else request.full_url
        fetched.append(url)
        return io.BytesIO(answers[url])

    monkeypatch.setattr("urllib.request.OpenerDirector.open", answer)
    alb_identity._signer_key.cache_clear()
    alb_identity._pool_keys.cache_clear()
    monkeypatch.delenv("LOCAL_STREAMLIT", raising=False)
    monkeypatch.setenv("ALB_ARN", BALANCER)
    monkeypatch.setenv("COGNITO_CLIENT_ID", DOOR.client)
    monkeypatch.setenv("COGNITO_USER_POOL_ID", DOOR.pool)
    return fetched


def part(content):
    # With its padding, as the load balancer writes it.
    return base64.urlsafe_b64encode(content).decode()


def data(key=BALANCERS_KEY, claims=None, **changes):
    """Return what the load balancer sends in x-amzn-oidc-data; changes are those of the token's header."""
    header = {
        "typ": "JWT",
        "kid": KID,
        "alg": "ES256",
        "iss": DOOR.issuer,
        "client": DOOR.client,
        "signer": BALANCER,
        "exp": int(time.time()) + 120,
    } | changes
    claims = claims or {"sub": "1", "email": "Zoë@example.com", "email_verified": "true"}
    text = f"{part(json.dumps(header).encode())}.{part(json.dumps(claims).encode())}"
    r, s = decode_dss_signature(key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{text}.{part(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def access(key=POOLS_KEY, **changes):
    """Return what the load balancer sends in x-amzn-oidc-accesstoken."""
    claims = {
        "iss": DOOR.issuer,
        "sub": "1",
        "client_id": DOOR.client,
        "token_use": "access",
        "exp": int(time.time()) + 600,
        "cognito:groups": ["staff"],
    } | changes
    return jwt.encode(claims, key, algorithm="RS256", headers={"kid": "pool-1"})


def test_token_of_the_load_balancer_is_accepted(aws):
    assert verify_data(data(), DOOR)["email"] == "Zoë@example.com"
    assert aws == [KEY_URL]


@pytest.mark.parametrize(
    "changes",
    [
        {"signer": BALANCER.replace("1234", "9999")},
        {"client": "another"},
        {"iss": DOOR.issuer + "y"},
        {"exp": int(time.time()) - 3600},
        {"exp": None},
        {"alg": "none"},
        {"kid": "../../evil"},
        {"key": FOREIGN_BALANCERS_KEY},
    ],
    ids=str,
)
def test_other_token_is_refused(changes):
    with pytest.raises(NotSignedInError):
        verify_data(data(**changes), DOOR)


def test_changed_claims_are_refused():
    header, _, signature = data().split(".")
    _, claims, _ = data(claims={"sub": "2", "email": "eve@example.com"}).split(".")
    with pytest.raises(NotSignedInError):
        verify_data(f"{header}.{claims}.{signature}", DOOR)


def test_padding_belongs_to_what_is_signed():
    assert "=" in data()
    with pytest.raises(NotSignedInError):
        verify_data(data().replace("=", ""), DOOR)


@pytest.mark.parametrize("token", ["", "a.b", "a.b.c"])
def test_no_token_is_refused(token):
    with pytest.raises(NotSignedInError):
        verify_data(token, DOOR)


def test_missing_settings_let_nobody_in():
    unset = Door(BALANCER, "", "")
    with pytest.raises(NotSignedInError):
        verify_data(data(client=unset.client, iss=unset.issuer), unset)


def test_groups_are_those_of_the_access_token(aws):
    assert verify_groups(access(), "1", DOOR) == {"staff"}
    assert aws == [JWKS_URL]


@pytest.mark.parametrize(
    "changes",
    [
        {"key": FOREIGN_POOLS_KEY},
        {"iss": "https://cognito-idp.eu-central-1.amazonaws.com/another"},
        {"sub": "2"},
        {"client_id": "another"},
        {"token_use": "id"},
        {"exp": int(time.time()) - 3600},
    ],
    ids=str,
)
def test_other_access_token_is_refused(changes):
    with pytest.raises(NotSignedInError):
        verify_groups(access(**changes), "1", DOOR)


def page():
    import streamlit as st

    from code_package.streamlit.util.login import login

    st.title(login("staff", "sales").email)


def show(monkeypatch, **headers):
    monkeypatch.setattr(type(st.context), "headers", {f"X-Amzn-Oidc-{k.capitalize()}": v for k, v in headers.items()})
    return AppTest.from_function(page, default_timeout=30)


def test_page_runs_for_people_of_the_group(monkeypatch):
    app = show(monkeypatch, data=data(), accesstoken=access()).run()
    assert app.title[0].value == "zoë@example.com" and "zoë@example.com" in app.sidebar.caption[0].value


def test_page_stays_while_the_tokens_grow_old(monkeypatch):
    app = show(monkeypatch, data=data(), accesstoken=access()).run()
    later = time.time() + 7200
    monkeypatch.setattr("time.time", lambda: later)
    assert app.run().title


def test_page_stops_for_people_of_other_groups(monkeypatch):
    app = show(monkeypatch, data=data(), accesstoken=access(**{"cognito:groups": ["guests"]})).run()
    assert not app.title and app.error[0].value == "This page is not for you."


def test_headers_without_a_signature_let_nobody_in(monkeypatch):
    app = show(monkeypatch, identity="1", accesstoken=access()).run()
    assert not app.title and app.error[0].value == "Please sign in."
