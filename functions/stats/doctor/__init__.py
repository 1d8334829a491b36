"""What a deployed function sees of all that it depends on. It is imported only when `openl2m-stats doctor` calls."""
