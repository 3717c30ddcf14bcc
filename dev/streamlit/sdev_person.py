"""Part of sdev's start-up file, mounted during development only; it is not part of what ships.

With "sdev up --local --as EMAIL" nobody signs in, and st.user is a person nevertheless, as after st.login. SDEV_PERSON
holds the person's claims as JSON.
"""

import json
import os

_CLAIMS = json.loads(os.environ["SDEV_PERSON"])


def _session(module):
    """Give every session of the app the person."""
    kind = getattr(module, "AppSession", None)
    initialise = getattr(kind, "__init__", None)
    if not callable(initialise):
        return

    def __init__(self, *args, **kwargs):
        initialise(self, *args, **kwargs)
        user = getattr(self, "_user_info", None)
        if isinstance(user, dict):
            user.update(json.loads(json.dumps(_CLAIMS)))  # a copy of its own for each session

    kind.__init__ = __init__


CHANGES = {"streamlit.runtime.app_session": _session, "streamlit.app_session": _session}
