"""Text → push (B1–B7): from a body's bytes to a Push, or every problem found. No database, no clock."""
