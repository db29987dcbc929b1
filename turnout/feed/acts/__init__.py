"""What people decide about an attendee (C7, C10), as lines of the log."""
