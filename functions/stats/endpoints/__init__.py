"""The answers, one module a path."""
