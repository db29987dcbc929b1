"""An event's alerts: what is wrong or new, what mends it; who is told of what, and how."""
