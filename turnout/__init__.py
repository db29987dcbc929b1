"""Turnout: an open, self-hosted attendee data feed."""

__version__ = "0.1.0"
