"""The change log, and whoever follows it."""
