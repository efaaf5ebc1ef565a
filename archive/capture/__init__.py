"""Fetching a page and everything it needs, byte for byte, over one guarded path to the network."""
