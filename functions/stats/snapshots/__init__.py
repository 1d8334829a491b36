"""Snapshots in S3, and the history that is built from them."""
