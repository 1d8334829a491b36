"""The database: the login, the connection, and what the engines share."""
