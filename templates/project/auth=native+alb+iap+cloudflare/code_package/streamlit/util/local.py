"""Development without a login.

``LOCAL_STREAMLIT`` in the environment leaves the login out. ``sdev up --local`` sets it; nothing that
ships may.
"""

import os

import streamlit as st


def is_local() -> bool:
    """Tell whether ``LOCAL_STREAMLIT`` asks for the login to be left out."""
    # Only these words count. "0", "false" and typing mistakes leave the login on.
    return os.environ.get("LOCAL_STREAMLIT", "").strip().lower() in {"1", "true", "yes", "on"}


def warn_open() -> None:
    """Say on the page that everybody is let in."""
    st.warning(
        "**Login is off.** `LOCAL_STREAMLIT` is set, so everybody who reaches this page is let in.",
        icon=":material/lock_open:",
    )
