"""A deployed stack, and the commands that act on it."""
