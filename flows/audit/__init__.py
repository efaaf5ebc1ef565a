"""Audits of a whole archive, by its operator or by anyone who may read it."""
