"""Start-up file of sdev, mounted during development only; it is not part of what ships.

Python imports the first module of this name on its path whenever it starts. This module:

- keeps directories out of Streamlit's list of watched files. A package without __init__.py is a directory to
  Python. If Streamlit watches it, it notices saves slowly, and runs the script again for every file below.
- keeps the variable that bypasses the login unset if SDEV_LOGIN is set.
- makes OAuth clients use the local provider, whose endpoints are in SDEV_OAUTH_ENDPOINTS, instead of a well-known
  provider whose addresses are in the app's code.
- keeps the bytecode of installed packages in the directory SDEV_BYTECODE: see bytecode.py, which is put before this.
- imports the next module of this name, so that it hides nothing.

It imports only what Python has loaded already. Without Streamlit, or with an unknown version of it, it silently
changes nothing.
"""

import os
import sys
from _frozen_importlib import module_from_spec
from _frozen_importlib_external import PathFinder


class _Hook:
    """A finder that changes a few modules right after their import, and leaves all others alone."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        change = _CHANGES.get(name)
        if change is None:
            return None
        spec = PathFinder.find_spec(name, path, target)
        try:
            execute = spec.loader.exec_module

            def exec_module(module):
                execute(module)
                change(module)

            spec.loader.exec_module = exec_module
        except AttributeError:
            pass
        return spec


def _without_directories(module):
    """Make the module's get_module_paths return files only."""
    paths_of = getattr(module, "get_module_paths", None)
    if not callable(paths_of):
        return

    def get_module_paths(of):
        paths = paths_of(of)
        try:
            return {path for path in paths if not os.path.isdir(path)}
        except TypeError:
            return paths

    module.get_module_paths = get_module_paths


def _to_local_provider(module):
    """Make OAuth clients of well-known providers use the local provider."""
    client = getattr(module, "BaseOAuth2", None)
    if not isinstance(client, type):
        return
    import json  # not at the top: few programs need it

    local = json.loads(os.environ[_ENDPOINTS])
    order = ("client_id", "client_secret", "authorize_endpoint", "access_token_endpoint", "refresh_token_endpoint", "revoke_token_endpoint")
    roles = {"authorize_endpoint": "authorize", "access_token_endpoint": "token", "refresh_token_endpoint": "token", "revoke_token_endpoint": "revoke"}
    initialise = client.__init__

    def __init__(self, *args, **kwargs):
        args = list(args)
        for place, name in enumerate(order):
            role = roles.get(name)
            if role is None:
                continue
            if place < len(args) and _is_well_known(args[place], role):
                args[place] = local[role]
            elif _is_well_known(kwargs.get(name), role):
                kwargs[name] = local[role]
        initialise(self, *args, **kwargs)

    client.__init__ = __init__


# Well-known providers: services by their hosts, and products that run at any host by their paths.
_HOSTS = (
    "accounts.google.com",
    "oauth2.googleapis.com",
    "www.googleapis.com",
    "login.microsoftonline.com",
    "login.microsoftonline.us",
    "login.live.com",
    "github.com",
    ".okta.com",
    ".oktapreview.com",
    ".auth0.com",
    ".amazoncognito.com",
)
_PATHS = {
    "authorize": ("/protocol/openid-connect/auth", "/oauth2/v1/authorize", "/oauth2/default/v1/authorize", "/oauth2/v2.0/authorize", "/oauth2/authorize"),
    "token": ("/protocol/openid-connect/token", "/oauth2/v1/token", "/oauth2/default/v1/token", "/oauth2/v2.0/token", "/oauth2/token"),
    "revoke": ("/protocol/openid-connect/revoke", "/oauth2/v1/revoke", "/oauth2/default/v1/revoke", "/oauth2/revoke"),
}


def _is_well_known(address, role):
    """Return whether an address belongs to a well-known provider, for which the local one is used instead."""
    if not isinstance(address, str) or not address.startswith("https://"):
        return False
    host, _, path = address[len("https://") :].partition("/")
    host = host.partition(":")[0].lower()
    if any(host == known or known[0] == "." and host.endswith(known) for known in _HOSTS):
        return True
    return ("/" + path.partition("?")[0].rstrip("/")).endswith(_PATHS[role])


# The variable that bypasses the login, whatever its value. It is written in two parts, so that a search for it in a
# printed model finds only places that set it.
_BYPASS = "LOCAL" + "_STREAMLIT"


def _is_bypass(key):
    """Return whether a key of the environment is the bypass, in any case: some libraries ignore the case."""
    if isinstance(key, bytes):
        key = os.fsdecode(key)
    return isinstance(key, str) and key.upper() == _BYPASS


def _keep_login():
    """Keep the bypass out of this process's environment, and report where it is set.

    The report goes to the log, and into a file in memory that "sdev auth check" reads.
    """
    kind = type(os.environ)  # environb has the same class
    set_item, set_default, put = kind.__setitem__, kind.setdefault, os.putenv
    reported = set()
    try:
        notes = os.memfd_create("sdev-login")
    except (AttributeError, OSError):
        notes = None

    def report(who):
        if who in reported:
            return
        reported.add(who)
        try:
            if notes is not None:
                os.write(notes, (who + "\n").encode(errors="replace"))
            sys.stderr.write(f"sdev: {_BYPASS} would bypass the login and is kept off: set by {who}\n")
            sys.stderr.flush()
        except (AttributeError, OSError, ValueError):
            pass

    def __setitem__(self, key, value):
        if not _is_bypass(key):
            set_item(self, key, value)
        elif value:
            report(_setter())

    def setdefault(self, key, value):
        if not _is_bypass(key):
            return set_default(self, key, value)
        if value:
            report(_setter())
        return value[:0]

    def putenv(key, value):
        if not _is_bypass(key):
            put(key, value)
        elif value:
            report(_setter())

    for key in [key for key in os.environ if _is_bypass(key)]:
        if os.environ[key]:
            report("the environment that Python was started with")
        del os.environ[key]
    kind.__setitem__, kind.setdefault, os.putenv = __setitem__, setdefault, putenv


def _setter():
    """Return the line of the app that sets a variable, or the file that Streamlit reads it from."""
    library = os.path.dirname(os.__file__)
    nearest = ""
    frame = sys._getframe(2)
    while frame is not None:
        file = frame.f_code.co_filename
        place = f"{file}:{frame.f_lineno}"
        if file.endswith("/streamlit/runtime/secrets.py"):
            return "the top level of Streamlit's secrets"
        if file != __file__ and not file.startswith("<frozen"):
            if "-packages/" in file:
                nearest = nearest or place
            elif not file.startswith(library):
                return place
        frame = frame.f_back
    return nearest or "Python itself"


_ENDPOINTS = "SDEV_OAUTH_ENDPOINTS"
_CHANGES = {"streamlit.watcher.local_sources_watcher": _without_directories}
if os.environ.get(_ENDPOINTS):
    _CHANGES["httpx_oauth.oauth2"] = _to_local_provider


def _next():
    """Import the module of this name that would have been imported without this file."""
    here = os.path.dirname(os.path.abspath(__file__))
    rest = [entry for entry in sys.path if os.path.abspath(entry) != here]
    spec = PathFinder.find_spec(__name__, rest)
    if spec is None or spec.origin is None:
        return
    module = module_from_spec(spec)
    sys.modules[__name__] = module
    spec.loader.exec_module(module)


if os.environ.get("SDEV_LOGIN"):
    _keep_login()
sys.meta_path.insert(0, _Hook)
_next()
