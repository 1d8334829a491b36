"""The functions on this machine, over a demo database and a local AWS."""
