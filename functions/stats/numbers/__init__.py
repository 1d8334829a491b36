"""The statistics: the catalogue, the time windows, and the SQL that reads them; pure."""
