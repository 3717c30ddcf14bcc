"""The people of this app, whom an AWS load balancer has signed in before a request arrives.

Call ``login()`` at the top of every page. It lets the rest of the page run only for somebody about whom
``alb_identity`` has verified what the load balancer says; everybody else sees an error. ``login("admin")``
lets in people of that group alone.
"""

import streamlit as st

from code_package.streamlit.util.alb_identity import Person, person, require
from code_package.streamlit.util.local import is_local, warn_open

LOCAL_PERSON = Person(subject="local", email="local@example.com", groups=frozenset())


def login(*groups: str) -> Person:
    """Return who is looking at this page; stop it unless they are signed in, and in one of the groups.

    With the login left out (see ``local.py``) everybody is ``LOCAL_PERSON``, whom no group keeps out.
    """
    if is_local():
        warn_open()
        return LOCAL_PERSON
    someone = require(*groups) if groups else person()
    st.sidebar.caption(f"Signed in as **{someone.email or someone.subject}**")
    return someone
