"""The login: nobody gets in without a verified identity, and it can be left out for development."""

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from code_package.streamlit.util.login import LOCAL_PERSON


def page():
    import streamlit as st

    from code_package.streamlit.util.login import login

    st.title(login().email)


@pytest.fixture(autouse=True)
def no_header(monkeypatch):
    monkeypatch.delenv("LOCAL_STREAMLIT", raising=False)
    monkeypatch.setattr(type(st.context), "headers", {})


def test_page_stops_where_nobody_is_signed_in():
    app = AppTest.from_function(page, default_timeout=30).run()
    assert not app.exception and not app.title
    assert app.error[0].value == "Please sign in."


def test_bypass_is_announced_and_gives_a_local_person(monkeypatch):
    monkeypatch.setenv("LOCAL_STREAMLIT", "1")
    app = AppTest.from_function(page, default_timeout=30).run()
    assert app.title[0].value == LOCAL_PERSON.email
    assert "Login is off" in app.warning[0].value
