"""To the provider of the single sign-on, and back."""
