"""Webhooks: endpoints that are told of changes. `endpoint` sets them up; the others send."""
