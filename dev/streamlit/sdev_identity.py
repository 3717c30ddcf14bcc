"""Part of sdev's start-up file, mounted during development only; it is not part of what ships.

In a mode with a login, the addresses of identity providers lead to the local provider, whatever the app has them from:
its code, variables, a .env file, secrets or any other file. So the addresses are changed where they leave the process:

- in requests of the HTTP clients that OAuth libraries use (requests, httpx, urllib, urllib3, aiohttp, httplib2),
- in what the app shows: links, buttons, frames and arguments of components, which the browser would follow.

Requests to a provider that are no user's login stay as they are: a program's own credentials, for example. What still
goes to a real provider is reported to the local one, which counts it.

SDEV_IDENTITY holds the rules as JSON; see dev.IdentityMap in sdev's source.
"""

import json
import os
import re

_RULES = json.loads(os.environ["SDEV_IDENTITY"])


def _whole(pattern):
    return re.compile(f"(?:{pattern})\\Z", re.IGNORECASE | re.DOTALL)


_AT = _RULES["at"]
_ONLY = _whole(_RULES["hosts"])
_MIXED = _whole(_RULES["mixed"])
_OWN = {host.lower() for host in _RULES["own"] or ()}
_PATHS = [(rule["role"], _whole(rule["host"] or ".*"), _whole(rule["path"])) for rule in _RULES["paths"]]
_LEFT_ALONE = set()  # hosts to which a request went on purpose

_ADDRESS = re.compile(r"https://([a-z0-9.-]+)(?::443)?((?:/[^?#]*)?)(.*)", re.IGNORECASE | re.DOTALL)
_ADDRESSES = re.compile(r"https://[a-z0-9.-]+\.[a-z0-9-]+(?::443)?(?:[/?#][^\s\"'<>\\)\]`]*)?", re.IGNORECASE)


def _role(host, path):
    path = path.rstrip("/")
    for role, hosts, paths in _PATHS:
        if hosts.match(host) and paths.match(path):
            return role
    return ""


def _is_provider(host):
    """Return whether a host only serves identities."""
    return host in _OWN or bool(_ONLY.match(host))


def _is_ours(token):
    """Return whether the local provider has issued a token."""
    if token.startswith("sdev-"):
        return True
    import base64

    head = token.partition(".")[0]
    try:
        return json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4))).get("typ") == "at+jwt"
    except (ValueError, AttributeError):
        return False


def local(address, body=None, authorization=""):
    """Return the address at the local provider for a request to another one; None if the request stays as it is."""
    found = _ADDRESS.match(address)
    if found is None:
        return None
    host, path, rest = found.group(1).lower(), found.group(2), found.group(3)
    known = _is_provider(host)
    role = _role(host, path)
    form = _text(body) + "&" + rest.lstrip("?")
    grant = re.search(r"[&?\"{ ]?grant_type[\"']?\s*[=:]\s*[\"']?([^&\"',\s}]+)", form)
    grant = grant.group(1) if grant else ""
    if role == "token" and grant not in ("authorization_code", ""):
        token = re.search(r"refresh_token[\"']?\s*[=:]\s*[\"']?(sdev-)", form)
        if grant != "refresh_token" or not token:  # a program's own credentials, or a user's real ones
            _LEFT_ALONE.add(host)
            return None
    if not known:
        if role == "authorize" and "client_id=" in rest and ("response_type=" in rest or _MIXED.match(host)):
            pass
        elif role == "token" and ("client_id" in form or authorization) and (grant or _MIXED.match(host)):
            pass
        elif role == "certificates" or role == "jwks" and _MIXED.match(host):
            pass
        elif role == "userinfo" and _is_ours(authorization.partition(" ")[2]):
            pass
        else:
            return None
        if not _MIXED.match(host):
            _OWN.add(host)
    if not role:
        _report("https://" + host + path)
        _LEFT_ALONE.add(host)  # the look-up of its name need not be reported again
        return None
    return _AT + host + path + rest


def _text(body):
    if isinstance(body, (bytes, bytearray)):
        return bytes(body[:65536]).decode("utf-8", "replace")
    if isinstance(body, str):
        return body[:65536]
    if isinstance(body, dict):
        return "&".join(f"{name}={value}" for name, value in body.items() if isinstance(value, (str, int)))
    return ""


def _report(address):
    """Tell the local provider that a real one is used. It is no failure of the app if that does not work."""
    import socket

    host, _, port = _AT[len("http://") :].partition("/")[0].partition(":")
    body = json.dumps({"address": address}).encode()
    head = f"POST /unmapped HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    try:
        with socket.create_connection(("127.0.0.1", int(port or 80)), timeout=0.5) as connection:
            connection.sendall(head.encode() + body)
            connection.recv(1)
    except (OSError, ValueError):
        pass


def _replace(owner, name, make):
    """Replace a function, if it is there."""
    old = getattr(owner, name, None)
    if callable(old):
        setattr(owner, name, make(old))


# Requests of the app.


def _requests(module):
    def make(send):
        def wrapped(self, request, **kwargs):
            to = local(str(request.url), request.body, str(request.headers.get("Authorization") or ""))
            if to is not None:
                request.url = to
                request.headers.pop("Host", None)
            return send(self, request, **kwargs)

        return wrapped

    _replace(getattr(module, "Session", None), "send", make)


def _httpx(module):
    def lead(request):
        try:
            body = request.content
        except Exception:  # a stream that was not read; httpx before 0.18 does not read a form either
            form = str(request.headers.get("Content-Type") or "").startswith("application/x-www-form-urlencoded")
            body = request.read() if form and hasattr(getattr(request, "stream", None), "__iter__") else b""
        to = local(str(request.url), body, request.headers.get("Authorization", ""))
        if to is not None:
            request.url = type(request.url)(to)
            request.headers["Host"] = to.split("/")[2]  # not from the URL: its parts have other types in older versions

    def make(send):
        def wrapped(self, request, *args, **kwargs):
            lead(request)
            return send(self, request, *args, **kwargs)

        return wrapped

    def make_async(send):
        async def wrapped(self, request, *args, **kwargs):
            lead(request)
            return await send(self, request, *args, **kwargs)

        return wrapped

    _replace(getattr(module, "Client", None), "send", make)
    _replace(getattr(module, "AsyncClient", None), "send", make_async)


def _urllib(module):
    def make(open_):
        def wrapped(self, fullurl, data=None, *args, **kwargs):
            if isinstance(fullurl, str):
                fullurl = local(fullurl, data) or fullurl
            else:
                to = local(fullurl.full_url, data or fullurl.data, fullurl.headers.get("Authorization", ""))
                if to is not None:
                    fullurl.full_url = to
            return open_(self, fullurl, data, *args, **kwargs)

        return wrapped

    _replace(getattr(module, "OpenerDirector", None), "open", make)


def _urllib3(module):
    def make(urlopen):
        def wrapped(self, method, url, *args, **kwargs):
            headers = kwargs.get("headers") or {}
            return urlopen(self, method, local(url, kwargs.get("body"), headers.get("Authorization", "")) or url, *args, **kwargs)

        return wrapped

    _replace(getattr(module, "PoolManager", None), "urlopen", make)


def _aiohttp(module):
    def make(request):
        def wrapped(self, method, str_or_url, **kwargs):
            headers = kwargs.get("headers") or {}
            body = kwargs.get("data") or kwargs.get("json")
            return request(self, method, local(str(str_or_url), body, headers.get("Authorization", "")) or str_or_url, **kwargs)

        return wrapped

    _replace(getattr(module, "ClientSession", None), "_request", make)


def _httplib2(module):
    def make(request):
        def wrapped(self, uri, method="GET", body=None, headers=None, *args, **kwargs):
            given = {str(name).lower(): value for name, value in (headers or {}).items()}
            authorization = given.get("authorization", "")
            if isinstance(authorization, bytes):
                authorization = authorization.decode("latin-1")
            return request(self, local(uri, body, authorization) or uri, method, body, headers, *args, **kwargs)

        return wrapped

    _replace(getattr(module, "Http", None), "request", make)


def _socket(module):
    """Report the look-up of a real provider's name: some client of the app is none of those above."""

    def make(getaddrinfo):
        def wrapped(host, *args, **kwargs):
            name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
            if isinstance(name, str) and _is_provider(name.lower()) and name.lower() not in _LEFT_ALONE:
                _report("https://" + name.lower())
            return getaddrinfo(host, *args, **kwargs)

        return wrapped

    _replace(module, "getaddrinfo", make)


# What the app shows.


def shown(text):
    """Return a text of the page in which addresses of identity providers lead to the local one."""
    if "https://" not in text and "HTTPS://" not in text:
        return text
    return _ADDRESSES.sub(lambda found: _shown_address(found.group(0)), text)


def _shown_address(address):
    found = _ADDRESS.match(address)
    host, path = found.group(1).lower(), found.group(2)
    role = _role(host, path)
    if not role or role == "userinfo":
        return address
    if _is_provider(host) or role == "authorize" and "client_id=" in found.group(3):
        return _RETURN.sub(_return, local(address) or address)
    return address


_PAGE = re.match(r"(https?://[^/]+)(.*)", _RULES["page"])
_RETURN = re.compile(r"([?&;]redirect_uri=)([^&\"'\s]+)")


def _return(found):
    """Make the browser return to the page on this machine: a script of the page may wait for that very address."""
    from urllib.parse import quote, unquote

    sent = re.match(r"https?://([^/?#]+)(.*)", unquote(found.group(2)))
    if sent is None or re.match(r"(localhost|127\.0\.0\.1|\[::1\])(:\d+)?\Z", sent.group(1)):
        return found.group(0)
    origin, base = _PAGE.groups()
    rest = sent.group(2)
    return found.group(1) + quote(origin + rest if rest.startswith(base) else origin + base + rest, safe="")


_DATA = ("arrow", "imgs", "deck_gl", "plotly", "vega", "audio", "video", "bokeh", "graphviz")


def _lead(message):
    """Change the addresses in a protobuf message and the messages in it."""
    for field, value in message.ListFields():
        if field.type == field.TYPE_STRING:
            if getattr(field, "is_repeated", None) if hasattr(field, "is_repeated") else field.label == field.LABEL_REPEATED:
                for i, text in enumerate(value):
                    changed = shown(text)
                    if changed != text:
                        value[i] = changed
            else:
                changed = shown(value)
                if changed != value:
                    setattr(message, field.name, changed)
        elif field.type == field.TYPE_MESSAGE and not field.message_type.GetOptions().map_entry:
            if hasattr(value, "ListFields"):
                _lead(value)
            else:
                for one in value:
                    _lead(one)


def _streamlit(module):
    def make(enqueue):
        def wrapped(self, msg, *args, **kwargs):
            try:
                if msg.WhichOneof("type") == "delta":
                    element = msg.delta.new_element if msg.delta.WhichOneof("type") == "new_element" else None
                    if element is None or not (element.WhichOneof("type") or "").startswith(_DATA):
                        _lead(msg.delta)
            except (AttributeError, TypeError, ValueError):
                pass  # another version's message goes out as it is
            return enqueue(self, msg, *args, **kwargs)

        return wrapped

    _replace(getattr(module, "ScriptRunContext", None), "enqueue", make)


CHANGES = {
    "requests.sessions": _requests,
    "httpx._client": _httpx,
    "urllib.request": _urllib,
    "urllib3.poolmanager": _urllib3,
    "aiohttp.client": _aiohttp,
    "httplib2": _httplib2,
    "socket": _socket,
    "streamlit.runtime.scriptrunner_utils.script_run_context": _streamlit,
    "streamlit.runtime.scriptrunner.script_run_context": _streamlit,
    "streamlit.scriptrunner.script_run_context": _streamlit,
}
