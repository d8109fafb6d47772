"""A process that decodes what strangers made, and has nothing to lose."""
