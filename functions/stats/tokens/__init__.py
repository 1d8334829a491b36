"""Tokens: the registry, and who may call."""
