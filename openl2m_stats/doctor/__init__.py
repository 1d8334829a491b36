"""`openl2m-stats doctor`: finds the problems of a deployment or a local set-up, and their remedies."""
