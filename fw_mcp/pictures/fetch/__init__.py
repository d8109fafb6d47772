"""Files from URLs that nobody here chose."""
