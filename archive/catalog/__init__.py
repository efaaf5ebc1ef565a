"""The catalog: what the archive holds, in SQLite, to be searched. Knows nothing of stores, logs or the network."""
