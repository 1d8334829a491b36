"""What builds, deploys and runs the artifact."""
