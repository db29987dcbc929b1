"""What the console does, for programs: JSON operations below /api/, with a user's token."""
