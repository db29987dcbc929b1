"""The audit log in plain words: of the installation, and of one event for who manages it."""
