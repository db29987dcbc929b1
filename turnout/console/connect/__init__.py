"""Who sends to an event: sources and their keys, and hand-outs for whoever connects one."""
