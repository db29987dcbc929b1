"""Files of a whole event: made beside the server, by a process of their own, and kept for a day to be fetched."""
