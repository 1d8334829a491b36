"""HTTP: an API Gateway event as a request, and answers as its responses; pure."""
