"""The commands and Prefect flows: the one layer that wires the others together."""
