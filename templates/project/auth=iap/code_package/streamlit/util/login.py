"""The people of this app, whom Google's Identity-Aware Proxy has signed in before a request arrives.

Call ``login()`` at the top of every page. It lets the rest of the page run only for somebody about whom
``iap_identity`` has verified what the proxy says; everybody else sees an error.
"""

import streamlit as st

from code_package.streamlit.util.iap_identity import Person, person
from code_package.streamlit.util.local import is_local, warn_open

LOCAL_PERSON = Person(subject="local", email="local@example.com", guest=False)


def login() -> Person:
    """Return who is looking at this page; stop it unless they are signed in.

    With the login left out (see ``local.py``) everybody is ``LOCAL_PERSON``.
    """
    if is_local():
        warn_open()
        return LOCAL_PERSON
    someone = person()
    with st.sidebar:
        st.caption(f"Signed in as **{someone.email or someone.subject}**")
        # The proxy answers this query itself. A new tab would leave this page open.
        mode = "GCIP_SIGNOUT" if someone.guest else "CLEAR_LOGIN_COOKIE"
        st.markdown(f'<a href="/?gcp-iap-mode={mode}" target="_self">Sign out</a>', unsafe_allow_html=True)
    return someone
