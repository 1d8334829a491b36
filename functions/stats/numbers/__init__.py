"""The statistics: what each counts, over which window, and the SQL that reads them; pure."""
