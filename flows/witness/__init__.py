"""Being a witness for the logs of others."""
