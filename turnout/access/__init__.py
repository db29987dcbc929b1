"""WHO SIGNS IN: users, how they come in, what their role lets them do, and the log of what they did."""
