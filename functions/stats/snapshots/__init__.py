"""Snapshots in S3, and the history made of them."""
