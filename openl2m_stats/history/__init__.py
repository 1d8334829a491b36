"""`openl2m-stats history`: what the history in S3 has, and how it is mended."""
