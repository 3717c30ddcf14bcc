# The third part of sdev's start-up file, see shim.go: the app listens where the gateway expects it.

import os
import sys

_PORT = "SDEV_PORT"
_ENTRY = "SDEV_ENTRY"


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


