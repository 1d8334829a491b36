"""Notices over SNS: what is said after a snapshot, when it begins, when it ends, and once a week."""
