"""One search over events, pushes and people: of those events only that the visitor may see."""
