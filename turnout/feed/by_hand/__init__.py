"""Pushes that staff hand in beside the server: new ones, stored ones once more, those of a rehearsal."""
