"""Several accounts of one server."""
