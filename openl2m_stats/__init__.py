"""What operators and users run; never deployed."""
