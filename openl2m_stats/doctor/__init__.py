"""`openl2m-stats doctor`: what is wrong with a deployment or a local set-up, and what to do about it."""
