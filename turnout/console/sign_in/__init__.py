"""In and out: signing in, the links that are good once, signing out."""
