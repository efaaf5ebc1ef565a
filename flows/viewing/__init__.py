"""The archive as the viewer sees it, put together from the functions that the commands use."""
