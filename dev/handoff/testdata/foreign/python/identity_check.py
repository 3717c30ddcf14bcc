"""Puts the identity modules of the bundles to the test: python identity_check.py iap|access MODULE.

Streamlit is replaced by what the modules use of it, and the keys of the platform by keys made here.
Prints how many tokens were judged; any that is judged wrongly ends it with an error.
"""

import importlib.util
import os
import sys
import time
import types

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

kind, path = sys.argv[1:]
streamlit = types.ModuleType("streamlit")
streamlit.context = types.SimpleNamespace(headers={})
streamlit.session_state = {}
streamlit.error = lambda text: None


class StoppedError(Exception):
    """What st.stop raises."""


def stop():
    raise StoppedError


streamlit.stop = stop
sys.modules["streamlit"] = streamlit
spec = importlib.util.spec_from_file_location("identity", path)
identity = importlib.util.module_from_spec(spec)
sys.modules["identity"] = identity
spec.loader.exec_module(identity)

if kind == "iap":
    mine, other, algorithm = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1()), "ES256"
    issuer, audience = "https://cloud.google.com/iap", "/projects/1/global/backendServices/2"
    extra = {"sub": "accounts.google.com:7", "email": "Alice@example.com", "hd": "example.com"}
else:
    mine, other = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
    algorithm, issuer, audience = "RS256", "https://acme.cloudflareaccess.com", "a" * 64
    extra = {"sub": "7335d417-61da-459d-899c-0a01c76a2f94", "email": "Alice@example.com", "type": "app"}

now = int(time.time())
good = {"iss": issuer, "aud": audience if kind == "iap" else [audience], "iat": now, "exp": now + 600, **extra}
keys = types.SimpleNamespace(get_signing_key_from_jwt=lambda token: types.SimpleNamespace(key=mine.public_key()))
identity._keys = lambda *_: keys


def token(claims, key=mine, alg=algorithm, drop=()):
    return jwt.encode({k: v for k, v in claims.items() if k not in drop}, key, algorithm=alg)


def verify(text, audiences):
    return identity.verify(text, audiences) if kind == "iap" else identity.verify(text, "acme", audiences)


judged = 0
who = verify(token(good), [audience, "another"])
assert (who.subject, who.email) == (good["sub"], "alice@example.com"), who
judged += 1
if kind == "iap":
    guest = {**good, "sub": "securetoken.google.com/p/t:9", "gcip": {"email": "guest@example.org"}}
    del guest["email"]
    who = verify(token(guest), [audience])
    assert who.guest and who.email == "guest@example.org", who
    judged += 1

bad = {
    "empty": "",
    "no token": "abc",
    "another key": token(good, key=other),
    "another audience": token({**good, "aud": "b" * 64}),
    "another issuer": token({**good, "iss": "https://evil.example.com"}),
    "expired": token({**good, "iat": now - 900, "exp": now - 60}),
    "not yet": token({**good, "nbf": now + 300}),
    "unsigned": jwt.encode(good, None, algorithm="none"),
    "a secret as key": jwt.encode(good, "x" * 64, algorithm="HS256"),
    **{f"without {c}": token(good, drop=[c]) for c in ("iss", "aud", "exp", "iat", "sub")},
}
if kind == "access":
    bad["a program"] = token({**good, "sub": "", "common_name": "x.access"}, drop=["email"])
for name, text in bad.items():
    try:
        who = verify(text, [audience])
    except identity.NotSignedInError:
        judged += 1
    else:
        raise SystemExit(f"{name}: taken for {who}")
try:
    verify(token(good), [])
except identity.NotSignedInError:
    judged += 1
else:
    raise SystemExit("taken without an audience to compare with")


def page(text):
    """Open a page with this assertion and give who is there; None is nobody."""
    streamlit.context.headers = {{"iap": "X-Goog-Iap-Jwt-Assertion", "access": "Cf-Access-Jwt-Assertion"}[kind]: text}
    try:
        return identity.person().email
    except StoppedError:
        return None


def gone(*_):
    raise jwt.PyJWTError("the keys cannot be had")


sound = token(good)
assert page(sound) is None, "let in without an audience to compare with"
os.environ.update({"IAP_AUDIENCES": f"{audience},another", "CF_AUD": f"{audience},another", "CF_TEAM": "acme"})
assert page(sound) == "alice@example.com"
# What was verified holds for this connection, however old it becomes; anything else is verified again.
identity._keys = lambda *_: types.SimpleNamespace(get_signing_key_from_jwt=gone)
assert page(sound) == "alice@example.com"
assert page("") is None
assert page(token({**good, "email": "eve@example.com"})) is None
streamlit.session_state.clear()
assert page(sound) is None
judged += 6
print(judged)
