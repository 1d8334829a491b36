"""A whole deployment on one machine: `make deploy` as an operator types it, into an AWS that is emulated."""
