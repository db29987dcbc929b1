"""Who signs in: invited, given a role and events, let in again, shut out."""
