"""Tokens: the registry, and the authorization of callers."""
