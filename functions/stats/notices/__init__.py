"""Notices over SNS: sent after a snapshot when a drop or a silence begins or ends, and once a week."""
