"""Helpers that know nothing of Streamlit."""
