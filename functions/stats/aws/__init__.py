"""AWS: clients, secrets and objects in S3, each call bounded by a deadline."""
