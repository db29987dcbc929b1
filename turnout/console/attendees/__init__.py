"""Who is at an event: the list, files of it, and each person with the reason for every value."""
