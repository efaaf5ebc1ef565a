"""The report on one capture, for people."""
