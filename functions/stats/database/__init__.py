"""The database: the login, the connection, and the engines."""
