"""The mail server that the installation sends by: set up, tried, removed."""
