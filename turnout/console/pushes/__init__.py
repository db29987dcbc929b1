"""What was sent to an event: found, looked at from all sides, and sent once more."""
