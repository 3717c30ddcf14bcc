"""Puts the identity module of ecs-cognito to the test: python alb_identity_check.py MODULE CASES.

CASES is JSON: the key of the load balancer, what the tokens must be for, and tokens that somebody else
has made. Prints for each token the address that it is about, or why it was refused, and all addresses
that keys were fetched from. Access tokens and pages are judged here; any that is judged wrongly ends it.
"""

import importlib.util
import json
import sys
import time
import types

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa


class Stopped(Exception):
    """What st.stop raises."""


def stop():
    raise Stopped


streamlit = types.ModuleType("streamlit")
streamlit.context = types.SimpleNamespace(headers={})
streamlit.session_state = {}
streamlit.error, streamlit.stop = lambda text: None, stop
sys.modules["streamlit"] = streamlit
spec = importlib.util.spec_from_file_location("identity", sys.argv[1])
identity = importlib.util.module_from_spec(spec)
sys.modules["identity"] = identity
spec.loader.exec_module(identity)
with open(sys.argv[2]) as file:
    given = json.load(file)

fetched = []


class Answer:
    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def read(self):
        return given["key"].encode()


def fetch(url, timeout):
    assert timeout
    fetched.append(url)
    return Answer()


identity.urllib.request.urlopen = fetch
mine, other = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
keys = types.SimpleNamespace(get_signing_key_from_jwt=lambda token: types.SimpleNamespace(key=mine.public_key()))
identity._pool_keys = lambda issuer: keys

results = []
for case in given["cases"]:
    try:
        results.append(identity.verify_data(case["token"], identity.Door(**case["door"]))["email"])
    except identity.NotSignedInError as err:
        results.append(f"refused: {err}")

# Groups are those of an access token of this pool, this client and this person.
door = identity.Door(**given["door"])
good = {"iss": door.issuer, "sub": "1", "client_id": door.client, "token_use": "access", "exp": time.time() + 600, "cognito:groups": ["staff"]}


def access(key=mine, algorithm="RS256", **changed):
    claims = {**good, **changed}
    return jwt.encode({k: v for k, v in claims.items() if v is not None}, key, algorithm=algorithm)


def groups(token):
    try:
        return identity.verify_groups(token, "1", door)
    except identity.NotSignedInError:
        return None


assert groups(access()) == {"staff"}
assert groups(access(**{"cognito:groups": None})) == frozenset()
for wrong in (
    "",
    "a.b.c",
    access(key=other),
    access(key="secret" * 8, algorithm="HS256"),
    access(key=None, algorithm="none"),
    access(iss="https://cognito-idp.eu-central-1.amazonaws.com/other"),
    access(sub="2"),
    access(client_id="other"),
    access(token_use="id"),
    access(exp=time.time() - 600),
    access(exp=None),
):
    assert groups(wrong) is None, wrong

# A page: what was verified once holds for this connection, however old the tokens become on it.
environment = {"ALB_ARN": door.balancer, "COGNITO_CLIENT_ID": door.client, "COGNITO_USER_POOL_ID": door.pool}
identity.os.environ.update(environment)


def page(data, token):
    streamlit.context.headers = {"X-Amzn-Oidc-Data": data, "X-Amzn-Oidc-Accesstoken": token}
    try:
        return identity.require("staff", "sales").email
    except Stopped:
        return None


sound, usual = given["cases"][0]["token"], access()
assert page(sound, access(**{"cognito:groups": ["guests"]})) is None
assert page(sound, usual) == "alice@example.com"
soon, identity.time.time = identity.time.time, lambda: soon() + 3600
assert page(sound, usual) == "alice@example.com"
streamlit.session_state.clear()
assert page(sound, usual) is None
identity.time.time = soon
assert page("", usual) is None
assert page(sound, access(sub="2")) is None

print(json.dumps({"results": results, "fetched": fetched}))
