"""Serve the page, the HTTP service and the BachBot Challenge."""
