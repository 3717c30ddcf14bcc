"""Reads {audience, tokens: {name: token}, module} and prints, per library, which tokens it accepts.

The libraries fetch the keys from where they always do; only the name www.gstatic.com leads to the test's own server.
module is the identity module that sdev deploy copies into apps.
"""

import importlib.util
import json
import os
import socket
import sys
import types

lookup = socket.getaddrinfo


def lead(host, port, *args, **kwargs):
    if host == "www.gstatic.com":
        host, port = "127.0.0.1", int(os.environ["KEYS_PORT"])
    return lookup(host, port, *args, **kwargs)


socket.getaddrinfo = lead

from google.auth.transport import requests  # noqa: E402
from google.oauth2 import id_token  # noqa: E402

asked = json.load(sys.stdin)
session = requests.Request()


def google_auth(token):
    """As Google's documentation has it: the library compares no issuer, so the app does."""
    claims = id_token.verify_token(
        token, session, audience=asked["audience"], certs_url="https://www.gstatic.com/iap/verify/public_key"
    )
    if claims["iss"] != "https://cloud.google.com/iap":
        raise ValueError("issuer")
    return claims


sys.modules["streamlit"] = types.ModuleType("streamlit")  # only its page needs it
spec = importlib.util.spec_from_file_location("iap_identity", asked["module"])
identity = importlib.util.module_from_spec(spec)
sys.modules["iap_identity"] = identity
spec.loader.exec_module(identity)


def iap_identity(token):
    who = identity.verify(token, [asked["audience"]])
    return {"sub": who.subject, "email": who.email}


out = {}
for name, verify in {"google-auth": google_auth, "iap_identity (PyJWT)": iap_identity}.items():
    out[name] = {}
    for which, token in asked["tokens"].items():
        try:
            claims = verify(token)
            out[name][which] = {"accepted": True, "sub": claims["sub"], "email": claims["email"]}
        except Exception as err:
            out[name][which] = {"accepted": False, "why": f"{type(err).__name__}: {err}"}
print(json.dumps(out))
