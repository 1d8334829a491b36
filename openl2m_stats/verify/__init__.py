"""`openl2m-stats verify`: calls a deployed stack as its users do."""
