"""Who says what about which bytes, and how a stranger checks it. Opens no network connection."""
