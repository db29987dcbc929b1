"""One file: its locks, its log, its backup, and the bytes that must not stay in it."""
