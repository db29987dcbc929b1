"""The nouns: frozen structs, one file each. No I/O, no decisions."""
