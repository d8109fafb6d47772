"""A service that is not as imagined, and what must hold all the same."""
