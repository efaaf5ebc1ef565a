"""Where the bytes are kept. Knows keys and bytes, nothing of captures."""
