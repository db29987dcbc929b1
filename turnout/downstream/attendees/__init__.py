"""Reading attendees: lists with filters, search and sorting, one person, their history, look-ups, names."""
