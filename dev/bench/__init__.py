"""`make bench` and `make bench-cold`: how fast the function is, beside what OpenL2M itself asks of its database."""
