"""What can be let go wrong in the sandbox."""
