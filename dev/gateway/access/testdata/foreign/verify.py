"""Has PyJWT judge tokens of Cloudflare Access, alone and by the module that apps copy: python verify.py MODULE.

Standard input: {team, port, aud, cases: {name: token}}. Standard output: {"pyjwt": {name: e-mail address, common name, or
"refused: …"}, "certificates": {…}, "module": {…}}.
"""

import importlib.util
import json
import socket
import sys
import types
import urllib.request

import jwt
from cryptography.x509 import load_pem_x509_certificate

given = json.load(sys.stdin)
team, host = given["team"], given["team"] + ".cloudflareaccess.com"
resolve = socket.getaddrinfo


def getaddrinfo(name, *args, **kwargs):
    """Lead the team's host to the gateway, as its name does inside the app's network namespace."""
    if name == host:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", given["port"]))]
    return resolve(name, *args, **kwargs)


socket.getaddrinfo = getaddrinfo
issuer = f"https://{host}"
keys = jwt.PyJWKClient(f"{issuer}/cdn-cgi/access/certs")


def pyjwt(token):
    try:
        key = keys.get_signing_key_from_jwt(token).key
        claims = jwt.decode(token, key, algorithms=["RS256"], audience=given["aud"], issuer=issuer)
    except (jwt.PyJWTError, ValueError) as err:
        return f"refused: {type(err).__name__}"
    return claims.get("email") or claims["common_name"]


with urllib.request.urlopen(f"{issuer}/cdn-cgi/access/certs") as answer:
    published = json.load(answer)
by_id = {c["kid"]: load_pem_x509_certificate(c["cert"].encode()).public_key() for c in published["public_certs"]}


def certificates(token):
    """Verify by the certificates, in place of the JWK set."""
    try:
        key = by_id[jwt.get_unverified_header(token)["kid"]]
        claims = jwt.decode(token, key, algorithms=["RS256"], audience=given["aud"], issuer=issuer)
    except (jwt.PyJWTError, KeyError) as err:
        return f"refused: {type(err).__name__}"
    return claims.get("email") or claims["common_name"]


streamlit = types.ModuleType("streamlit")  # the module imports it, and uses it for pages only
sys.modules["streamlit"] = streamlit
spec = importlib.util.spec_from_file_location("access_identity", sys.argv[1])
identity = importlib.util.module_from_spec(spec)
sys.modules["access_identity"] = identity
spec.loader.exec_module(identity)


def module(token):
    try:
        return identity.verify(token, team, ["0" * 64, given["aud"]]).email
    except identity.NotSignedInError as err:
        return f"refused: {err}"


cases = given["cases"].items()
ways = {"pyjwt": pyjwt, "certificates": certificates, "module": module}
json.dump({way: {name: judge(token) for name, token in cases} for way, judge in ways.items()}, sys.stdout)
