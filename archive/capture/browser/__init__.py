"""Captures with a real browser that has no network of its own."""
