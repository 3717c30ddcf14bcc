"""Helpers that the pages share."""
