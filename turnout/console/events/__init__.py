"""All events: how each is, and a new one."""
