"""A deployed function's checks of what it depends on. They are imported only when `openl2m-stats doctor` calls."""
