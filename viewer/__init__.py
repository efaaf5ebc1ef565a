"""The archive in a browser: read-only pages, replay and an API over whatever archive it is handed."""
