"""The list index, fed from the log. What it holds of an attendee is in `changes/listing`, for `verify` needs it too."""
