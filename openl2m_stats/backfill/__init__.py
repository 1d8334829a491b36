"""`openl2m-stats backfill`: past days of the history, from OpenL2M's log."""
