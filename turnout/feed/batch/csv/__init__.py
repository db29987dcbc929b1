"""CSV in a batch (E1): rows as places in the bytes, each a flat JSON body; and what failed as CSV again."""
