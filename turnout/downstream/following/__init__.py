"""Following the changes: what of each line a reader may see, and how it comes to him over HTTP."""
