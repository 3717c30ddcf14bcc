# The third part of sdev's start-up file, see shim.go: the app listens where the gateway expects it.

import os
import sys

_PORT = "SDEV_PORT"
_ENTRY = "SDEV_ENTRY"
_SOCKET = "SDEV_SOCKET"


def _listening_behind_the_gateway(module):
    """Make the app listen at the port in SDEV_PORT, whatever its command says.

    A start script or a launcher may pass --server.port, which wins over variables: the gateway's own port, or one that
    the gateway does not know. Variables arrive here as flags too. Another server in the container keeps its port: one
    that runs another script than SDEV_ENTRY, or that starts later.
    """
    options = getattr(module, "get_config_options", None)
    if not callable(options) or not os.environ.get(_PORT):
        return
    port, is_app = os.environ[_PORT], []

    def get_config_options(force_reparse=False, options_from_flags=None):
        flags = options_from_flags or {}
        if "server.port" in flags or "server.address" in flags:
            if not is_app:
                is_app.append(_runs_entry() and _is_free(int(port)))
            if is_app[0]:
                flags = {**flags, "server.port": int(port), "server.address": "127.0.0.1"}
        return options(force_reparse, flags)

    module.get_config_options = get_config_options


def _runs_entry():
    """Return whether this process runs the app's script, as far as its arguments say."""
    scripts = [os.path.basename(arg) for arg in sys.argv[1:] if arg.endswith(".py")]
    entry = os.path.basename(os.environ.get(_ENTRY, ""))
    return not entry or not scripts or entry in scripts


def _is_free(port):
    import socket

    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _listening_at_the_socket(module):
    """Make the app listen at the unix socket in SDEV_SOCKET instead of a port, which every program can reach.

    Streamlit's own server.address=unix://... would not do: since 1.58 it refuses that. Settings and messages keep the
    address and the port. A version with neither function listens at the port.
    """
    listen = getattr(module, "start_listening_tcp_socket", None)
    if callable(listen):  # the server on tornado, up to 1.57

        def start_listening_tcp_socket(http_server):
            bound = _bound()
            if bound is None:
                return listen(http_server)
            http_server.xheaders = True  # a unix socket has no address of the browser, and the gateway tells it
            return http_server.add_socket(bound)

        module.start_listening_tcp_socket = start_listening_tcp_socket
    bind = getattr(module, "_bind_socket", None)
    if callable(bind):  # the server on starlette, since 1.53

        def _bind_socket(address, port, backlog):
            return _bound(backlog) or bind(address, port, backlog)

        module._bind_socket = _bind_socket


def _bound(backlog=128):
    """Return a socket that listens in SDEV_SOCKET; None if this is not the app, or another server listens there."""
    path = os.environ.get(_SOCKET)
    if not path or not _runs_entry():
        return None
    import socket

    with socket.socket(socket.AF_UNIX) as s:
        try:
            s.connect(path)
            return None
        except (FileNotFoundError, ConnectionRefusedError):
            pass
    try:
        os.mkdir(os.path.dirname(path), 0o700)  # the gateway makes it too, and refuses one that others may enter
    except FileExistsError:
        pass
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
    s = socket.socket(socket.AF_UNIX)
    s.bind(path)
    os.chmod(path, 0o600)
    s.listen(backlog)
    s.setblocking(False)
    return s


