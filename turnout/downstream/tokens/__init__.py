"""Tokens: signed for a short time, so that an app, a site or a CDN can tell who somebody is without asking here."""
