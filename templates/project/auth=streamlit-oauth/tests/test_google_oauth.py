"""The login: what it accepts, what it refuses, and when it is left out."""

import json
import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm
from streamlit.testing.v1 import AppTest

from code_package.streamlit.util import google_oauth
from code_package.streamlit.util.google_oauth import LoginError, choose_redirect_uri, parse_client, verify_id_token
from code_package.util.cloud import ParameterError

NONCE = "n-0S6_WzA2Mj"
OURS = rsa.generate_private_key(public_exponent=65537, key_size=2048)
FOREIGN = rsa.generate_private_key(public_exponent=65537, key_size=2048)


class StaticKeys:
    """The provider's keys: one, whatever the token says."""

    def get_signing_key_from_jwt(self, token):
        return jwt.PyJWK(RSAAlgorithm.to_jwk(OURS.public_key(), as_dict=True) | {"alg": "RS256"})


def client_json(**changes):
    web = {
        "client_id": "client-1",
        "client_secret": "hush",
        "auth_uri": "https://accounts.google.com/o/oauth2/auth",
        "token_uri": "https://oauth2.googleapis.com/token",
        "redirect_uris": ["https://app.example.com"],
    }
    return json.dumps({"web": {k: v for k, v in (web | changes).items() if v is not None}})


def claims(**changes):
    now = int(time.time())
    good = {
        "iss": "https://accounts.google.com",
        "aud": "client-1",
        "sub": "1",
        "iat": now,
        "exp": now + 300,
        "nonce": NONCE,
        "email": "zoë@example.com",
        "email_verified": True,
    }
    return {k: v for k, v in (good | changes).items() if v is not None}


def sign(payload, key=OURS, algorithm="RS256"):
    return jwt.encode(payload, key, algorithm=algorithm)


def verify(token, nonce=NONCE):
    return verify_id_token(token, parse_client(client_json()), nonce, StaticKeys())


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in ("LOCAL_STREAMLIT", "REQUIRE_OAUTH_IN_LOCAL", "OAUTH_REDIRECT_URI", "OAUTH_ISSUER", "OAUTH_JWKS_URI"):
        monkeypatch.delenv(name, raising=False)


def test_valid_token_is_accepted():
    assert verify(sign(claims()))["email"] == "zoë@example.com"


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://evil.example.com"},
        {"iss": None},
        {"aud": "client-2"},
        {"aud": None},
        {"aud": ["client-1", "client-2"], "azp": "client-2"},
        {"exp": int(time.time()) - 3600},
        {"exp": None},
        {"iat": int(time.time()) + 3600},
        {"nonce": "another"},
        {"nonce": None},
        {"email": None},
        {"email_verified": False},
    ],
    ids=str,
)
def test_wrong_claims_are_refused(changes):
    with pytest.raises(LoginError):
        verify(sign(claims(**changes)))


def test_missing_nonce_of_ours_is_refused():
    with pytest.raises(LoginError):
        verify(sign(claims(nonce="")), nonce="")


def test_foreign_signature_is_refused():
    with pytest.raises(LoginError):
        verify(sign(claims(), key=FOREIGN))


def test_changed_payload_is_refused():
    header, _, signature = sign(claims()).split(".")
    _, payload, _ = sign(claims(email="eve@example.com"), key=FOREIGN).split(".")
    with pytest.raises(LoginError):
        verify(f"{header}.{payload}.{signature}")


def test_algorithm_none_is_refused():
    with pytest.raises(LoginError):
        verify(sign(claims(), key=None, algorithm="none"))


def test_shared_secret_is_refused():
    with pytest.raises(LoginError):
        verify(sign(claims(), key="hush" * 16, algorithm="HS256"))


def test_not_a_token_is_refused():
    with pytest.raises(LoginError):
        verify("a.b.c")


@pytest.mark.parametrize("value", ["1", "true", "YES", " on "])
def test_local_is_on(monkeypatch, value):
    monkeypatch.setenv("LOCAL_STREAMLIT", value)
    assert google_oauth.is_local()


@pytest.mark.parametrize("value", ["", "0", "false", "no", "off", "maybe", "11"])
def test_local_is_off(monkeypatch, value):
    monkeypatch.setenv("LOCAL_STREAMLIT", value)
    assert not google_oauth.is_local()


def test_local_is_off_by_default():
    assert not google_oauth.is_local()


def test_google_is_the_default_provider():
    client = parse_client(client_json(auth_uri=None, token_uri=None))
    assert client.authorize == google_oauth.GOOGLE_AUTHORIZE
    assert client.jwks == google_oauth.GOOGLE_JWKS
    assert client.issuers == google_oauth.GOOGLE_ISSUERS


def test_other_provider_needs_issuer_and_keys():
    with pytest.raises(LoginError, match="issuer"):
        parse_client(client_json(auth_uri="https://id.example.com/auth", token_uri="https://id.example.com/token"))


def test_other_provider_is_taken_from_the_parameter():
    own = "http://localhost:9000"
    client = parse_client(
        client_json(auth_uri=f"{own}/auth", token_uri=f"{own}/token", jwks_uri=f"{own}/keys", issuer=own)
    )
    assert (client.authorize, client.token, client.jwks) == (f"{own}/auth", f"{own}/token", f"{own}/keys")
    assert client.issuers == (own,)


def test_environment_names_issuer_and_keys(monkeypatch):
    monkeypatch.setenv("OAUTH_ISSUER", "http://localhost:9000")
    monkeypatch.setenv("OAUTH_JWKS_URI", "http://localhost:9000/keys")
    client = parse_client(client_json())
    assert (client.issuers, client.jwks) == (("http://localhost:9000",), "http://localhost:9000/keys")


def test_plain_http_elsewhere_is_refused():
    with pytest.raises(LoginError, match="https"):
        parse_client(client_json(token_uri="http://oauth2.googleapis.com/token"))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"web": {"client_id": "x"}}', '{"installed": {}}'])
def test_other_json_is_refused(text):
    with pytest.raises(LoginError, match="client_id"):
        parse_client(text)


def test_single_redirect_uri_is_used():
    assert choose_redirect_uri(parse_client(client_json())) == "https://app.example.com"


def test_explicit_redirect_uri_wins(monkeypatch):
    monkeypatch.setenv("OAUTH_REDIRECT_URI", "https://other.example.com")
    monkeypatch.setenv("LOCAL_STREAMLIT", "1")
    assert choose_redirect_uri(parse_client(client_json())) == "https://other.example.com"


def test_local_redirect_uri(monkeypatch):
    monkeypatch.setenv("LOCAL_STREAMLIT", "1")
    assert choose_redirect_uri(parse_client(client_json())) == "http://localhost:8501"


def test_several_redirect_uris_are_listed_not_guessed():
    uris = ["http://localhost:8501", "https://app.example.com"]
    with pytest.raises(LoginError) as refused:
        choose_redirect_uri(parse_client(client_json(redirect_uris=uris)))
    assert all(uri in str(refused.value) for uri in uris)


def page():
    import streamlit as st

    from code_package.streamlit.util.google_oauth import oauth

    oauth()
    st.title("Behind the login")


def provider(monkeypatch, answer):
    """Stand in for the login button: ``answer`` makes its result from the nonce that it was given."""
    monkeypatch.setattr(google_oauth, "get_aws_parameter", lambda key: client_json())
    monkeypatch.setattr(google_oauth, "_keys", lambda uri: StaticKeys())

    def authorize_button(self, extras_params, **_):
        return answer(extras_params["nonce"])

    monkeypatch.setattr(google_oauth.OAuth2Component, "authorize_button", authorize_button)


def test_bypass_is_announced(monkeypatch):
    monkeypatch.setenv("LOCAL_STREAMLIT", "1")
    app = AppTest.from_function(page).run()
    assert app.title and "Login is off" in app.warning[0].value


def test_required_login_ignores_the_bypass(monkeypatch):
    monkeypatch.setenv("LOCAL_STREAMLIT", "1")
    monkeypatch.setenv("REQUIRE_OAUTH_IN_LOCAL", "1")
    provider(monkeypatch, lambda nonce: None)
    app = AppTest.from_function(page).run()
    assert not app.exception and not app.title and not app.warning


def test_page_stops_before_the_login(monkeypatch):
    provider(monkeypatch, lambda nonce: None)
    app = AppTest.from_function(page).run()
    assert not app.exception and not app.title


def test_page_runs_after_the_login_and_stops_after_the_logout(monkeypatch):
    provider(monkeypatch, lambda nonce: {"token": {"id_token": sign(claims(nonce=nonce))}})
    app = AppTest.from_function(page).run()
    assert app.title and app.session_state["auth"] == "zoë@example.com"
    provider(monkeypatch, lambda nonce: None)
    app.button[0].click().run()
    assert not app.title and "auth" not in app.session_state


def test_token_of_another_login_is_refused(monkeypatch):
    answers = iter([{"token": {"id_token": sign(claims(nonce="stolen"))}}])
    provider(monkeypatch, lambda nonce: next(answers, None))
    app = AppTest.from_function(page).run()
    assert not app.title and "does not belong" in app.error[0].value


def test_refusal_of_the_provider_is_shown(monkeypatch):
    answers = iter([google_oauth.StreamlitOauthError({"error": "access_denied"})])

    def answer(nonce):
        if err := next(answers, None):
            raise err

    provider(monkeypatch, answer)
    app = AppTest.from_function(page).run()
    assert not app.title and "access_denied" in app.error[0].value


def test_unreadable_parameter_is_shown(monkeypatch):
    def unreadable(key):
        raise ParameterError(f"cannot read {key}")

    monkeypatch.setattr(google_oauth, "get_aws_parameter", unreadable)
    app = AppTest.from_function(page).run()
    assert not app.title and "/streamlit/oauth" in app.error[0].value
