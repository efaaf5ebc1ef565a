"""The archive for programs: JSON, Memento (RFC 7089) and an Atom feed."""
