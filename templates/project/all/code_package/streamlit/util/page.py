"""The frame that every page is drawn in."""

import streamlit as st


def begin(title: str, icon: str) -> None:
    """Name the browser tab and set the page's width; call it before anything is drawn."""
    st.set_page_config(page_title=title, page_icon=icon, layout="centered")


def card(icon: str, title: str, text: str) -> None:
    """Draw a bordered box with a heading and a few words of Markdown."""
    with st.container(border=True, height="stretch"):
        st.markdown(f"##### {icon} {title}")
        st.markdown(text)
