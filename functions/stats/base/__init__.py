"""What every other part may use: settings, deadlines, back-off, telemetry."""
