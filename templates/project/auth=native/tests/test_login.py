"""The login: whom it lets in, and what everybody else sees."""

import pytest
import streamlit as st
from streamlit.errors import StreamlitAuthError
from streamlit.testing.v1 import AppTest


def page():
    import streamlit as st

    from code_package.streamlit.util.login import login

    login()
    st.title("Behind the login")


@pytest.fixture
def user(monkeypatch):
    """Who is signed in; the test changes it."""
    monkeypatch.delenv("LOCAL_STREAMLIT", raising=False)
    claims = {}
    monkeypatch.setattr(st, "user", claims)
    return claims


def test_page_stops_before_the_login(user):
    app = AppTest.from_function(page, default_timeout=30).run()
    assert not app.exception and not app.title
    assert [b.label for b in app.button] == ["Sign in"]


def test_sign_in_begins_a_login(user, monkeypatch):
    begun = []
    monkeypatch.setattr(st, "login", lambda: begun.append(True))
    app = AppTest.from_function(page, default_timeout=30).run()
    assert not begun
    app.button[0].click().run()
    assert begun and not app.exception and not app.title


def test_missing_settings_are_shown(user, monkeypatch):
    def refuse():
        raise StreamlitAuthError("no section [auth]")

    monkeypatch.setattr(st, "login", refuse)
    app = AppTest.from_function(page, default_timeout=30).run()
    app.button[0].click().run()
    assert not app.exception and not app.title and "no section [auth]" in app.error[0].value


def test_page_runs_after_the_login_and_offers_to_sign_out(user, monkeypatch):
    out = []
    monkeypatch.setattr(st, "logout", lambda: out.append(True))
    user.update(is_logged_in=True, email="zoë@example.com", email_verified=True)
    app = AppTest.from_function(page, default_timeout=30).run()
    assert app.title and "zoë@example.com" in app.sidebar.caption[0].value
    app.sidebar.button[0].click().run()
    assert out and not app.exception


def test_unverified_address_is_refused(user):
    user.update(is_logged_in=True, email="eve@example.com", email_verified=False)
    app = AppTest.from_function(page, default_timeout=30).run()
    assert not app.title and "not verified" in app.error[0].value
    assert [b.label for b in app.sidebar.button] == ["Sign out"]


def test_bypass_is_announced(user, monkeypatch):
    monkeypatch.setenv("LOCAL_STREAMLIT", "1")
    app = AppTest.from_function(page, default_timeout=30).run()
    assert app.title and "Login is off" in app.warning[0].value
