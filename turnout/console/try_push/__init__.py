"""A push tried before it is meant, and applied exactly as it was seen."""
