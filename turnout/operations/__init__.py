"""Keeping it well: health, metrics, verification, diagnosis."""
