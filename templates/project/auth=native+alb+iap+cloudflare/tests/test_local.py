"""When the login is left out, and when it is not."""

import pytest

from code_package.streamlit.util.local import is_local


@pytest.mark.parametrize("value", ["1", "true", "YES", " on "])
def test_local_is_on(monkeypatch, value):
    monkeypatch.setenv("LOCAL_STREAMLIT", value)
    assert is_local()


@pytest.mark.parametrize("value", ["", "0", "false", "no", "off", "maybe", "11"])
def test_local_is_off(monkeypatch, value):
    monkeypatch.setenv("LOCAL_STREAMLIT", value)
    assert not is_local()


def test_local_is_off_by_default(monkeypatch):
    monkeypatch.delenv("LOCAL_STREAMLIT", raising=False)
    assert not is_local()
