"""What the list index holds of an attendee: made from the document alone. Pure."""
