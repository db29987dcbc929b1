"""One event at a glance: how it is sent to, what arrives, and whether that is as usual."""
