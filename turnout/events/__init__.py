"""Setting up: events, sources and their policy, keys, the names of groups and custom fields."""
