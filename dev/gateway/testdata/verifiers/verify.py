"""Put tokens to PyJWT, as apps behind a load balancer use it, and to the module of a bundle.

Reads {port, keys, evil, arn, issuer, client, pool, module, tokens, access}, and prints what becomes of each token: "ok", or
"refused: ...".
"""

import importlib.util
import json
import socket
import sys
import types
import urllib.request

import jwt

given = json.load(sys.stdin)


def here(*_args, **_kwargs):
    """Lead every host to this machine, as the network namespace of an app does. Certificates are checked."""
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", given["port"]))]


socket.getaddrinfo = here


def get(address):
    with urllib.request.urlopen(address, timeout=5) as answer:
        return answer.read().decode()


def judge(verify, *args):
    try:
        verify(*args)
    except Exception as err:  # whatever a library raises is a refusal
        return f"refused: {type(err).__name__}: {err}"
    return "ok"


def pyjwt(token):
    header = jwt.get_unverified_header(token)
    jwt.decode(token, get(given["keys"] + header["kid"]), algorithms=["ES256"], issuer=given["issuer"])
    if header["signer"] != given["arn"] or header["client"] != given["client"]:
        raise ValueError("another signer or client")


out = {f"PyJWT {jwt.__version__}": {one["name"]: judge(pyjwt, one["token"]) for one in given["tokens"]}}
if given["module"]:
    sys.modules["streamlit"] = types.ModuleType("streamlit")  # draws nothing here
    spec = importlib.util.spec_from_file_location("alb_identity", given["module"])
    bundle = importlib.util.module_from_spec(spec)
    sys.modules["alb_identity"] = bundle  # dataclasses look there
    spec.loader.exec_module(bundle)
    door = bundle.Door(given["arn"], given["client"], given["pool"])
    out["alb_identity.py"] = {one["name"]: judge(bundle.verify_data, one["token"], door) for one in given["tokens"]}
    claims = bundle.verify_data(given["tokens"][0]["token"], door)
    out["groups"] = sorted(bundle.verify_groups(given["access"], claims["sub"], door))
out["tls"] = {given["evil"]: judge(get, given["evil"])}
print(json.dumps(out))
