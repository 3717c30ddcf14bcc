"""Login for the pages of this app, by Streamlit's own ``st.login``.

Call ``login()`` at the top of every page. It lets the rest of the page run only for somebody who has
signed in; for everybody else it draws the login button and stops the page. Afterwards ``st.user`` is
that person: ``st.user.email`` and the other claims of the ID token.

The provider, any that speaks OpenID Connect, is named in ``.streamlit/secrets.toml``. Make that file
from ``secrets.toml.example`` beside it.
"""

import streamlit as st
from streamlit.errors import StreamlitAuthError

from code_package.streamlit.util.local import is_local, warn_open


def login() -> None:
    """Stop the page unless somebody is signed in.

    With the login left out (see ``local.py``) nobody is signed in, and ``st.user`` is empty unless
    ``sdev up --local --as EMAIL`` makes it a person.
    """
    if is_local():
        warn_open()
        return
    if not st.user.get("is_logged_in", False):
        _ask()
    with st.sidebar:
        st.caption(f"Signed in as **{st.user.get('email', 'somebody without an e-mail address')}**")
        st.button("Sign out", icon=":material/logout:", width="stretch", on_click=st.logout)
    # Some providers let people sign up with an address that is not theirs.
    if st.user.get("email_verified") is False:
        st.error("**This page is not for you.** The provider has not verified your e-mail address.")
        st.stop()


def _ask() -> None:
    """Draw the login button and stop the page."""
    if st.button("Sign in", icon=":material/login:"):
        try:
            st.login()
        except StreamlitAuthError as err:
            st.error(f"**Login is not possible.** {err}", icon=":material/lock:")
    st.stop()
