"""`openl2m-stats tokens`: the token registry."""
