"""Where changes go: read, follow, be told. All of it are cursors over the change log; none keeps a second truth."""
