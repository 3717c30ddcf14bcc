"""Authlib as Streamlit uses it for st.login, and as a client of its own.

Settings come as JSON on standard input, the case to run as the first argument. A case returns what
it learnt, which is printed as JSON for the test to judge; one that raises has failed.
"""

import asyncio
import json
import sys
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.integrations.starlette_client import OAuth, StarletteOAuth2App
from starlette.requests import Request

SETTINGS = json.load(sys.stdin)
WEB = SETTINGS["clients"]["web"]
METADATA = SETTINGS["issuer"] + "/.well-known/openid-configuration"


class App(StarletteOAuth2App):
    """Asks for PKCE wherever the provider knows it, as Streamlit does."""

    async def load_server_metadata(self):
        metadata = await super().load_server_metadata()
        if "S256" in (metadata.get("code_challenge_methods_supported") or []):
            self.client_kwargs["code_challenge_method"] = "S256"
        return metadata


class Registry(OAuth):
    oauth2_client_cls = App


def native_app(secret=WEB["secret"]):
    """A client with the settings that Streamlit derives from secrets.toml."""
    registry = Registry()
    registry.register(
        name="default",
        client_id=WEB["id"],
        client_secret=secret,
        server_metadata_url=METADATA,
        client_kwargs={"scope": "openid email profile", "prompt": "select_account"},
    )
    return registry.default


def request_for(url, session):
    """What an app's server makes of a browser's request."""
    parts = urlsplit(url)
    return Request({
        "type": "http", "method": "GET", "path": parts.path, "query_string": parts.query.encode(),
        "headers": [(b"host", parts.netloc.encode())], "scheme": parts.scheme, "session": session,
    })


async def browse(url, **how):
    """Opens a page, signs in there, and gives the address with which the browser comes back."""
    async with httpx.AsyncClient(timeout=30) as browser:
        answer = await browser.post(SETTINGS["browser"], json={"url": url, **how})
        if answer.is_error:
            raise RuntimeError("browser: " + answer.text)
        return answer.json()["url"]


async def native_login(client, **how):
    """The two requests that st.login makes of an app's server, with the browser's trip between them."""
    session = {}
    away = await client.authorize_redirect(request_for(SETTINGS["redirect"], session), SETTINGS["redirect"])
    sent = dict(parse_qsl(urlsplit(away.headers["location"]).query))
    back = await browse(away.headers["location"], **(how or {"as": SETTINGS["as"]}))
    return sent, await client.authorize_access_token(request_for(back, session))


async def native():
    sent, token = await native_login(native_app())
    return {
        "claims": token["userinfo"], "prompt": sent["prompt"], "pkce": sent.get("code_challenge_method", ""),
    }


async def native_denied():
    try:
        await native_login(native_app(), **{"as": SETTINGS["as"], "deny": True})
    except OAuthError as refusal:
        return {"error": refusal.error}
    raise AssertionError("this should have been refused")


async def native_wrong_secret():
    try:
        await native_login(native_app("not the secret"))
    except OAuthError as refusal:
        return {"error": refusal.error}
    raise AssertionError("this should have been refused")


async def native_logout():
    client = native_app()
    _, token = await native_login(client)
    metadata = await client.load_server_metadata()
    there = {
        "client_id": client.client_id, "post_logout_redirect_uri": SETTINGS["redirect"],
        "id_token_hint": token["id_token"],
    }
    return {"back": await browse(metadata["end_session_endpoint"] + "?" + urlencode(there), **{"as": SETTINGS["as"]})}


async def machine():
    one = SETTINGS["clients"]["machine"]
    async with httpx.AsyncClient() as plain:
        metadata = (await plain.get(METADATA)).json()
    async with AsyncOAuth2Client(one["id"], one["secret"]) as client:
        token = await client.fetch_token(metadata["token_endpoint"], grant_type="client_credentials")
        seen = await client.introspect_token(metadata["introspection_endpoint"], token=token["access_token"])
        await client.revoke_token(metadata["revocation_endpoint"], token=token["access_token"])
        after = await client.introspect_token(metadata["introspection_endpoint"], token=token["access_token"])
    return {"before": seen.json(), "after": after.json()}


CASES = {
    "native": native, "native-denied": native_denied, "native-wrong-secret": native_wrong_secret,
    "native-logout": native_logout, "machine": machine,
}

if __name__ == "__main__":
    print(json.dumps(asyncio.run(CASES[sys.argv[1]]())))
