"""`openl2m-stats history`: lists and repairs the history in S3."""
