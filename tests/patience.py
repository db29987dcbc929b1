"""How long tests wait for what has to come."""

PATIENCE_S = 90
"""After this it will not come, however busy the machine is and if it stands still for seconds; nothing that passes
waits for it. Less than what pytest lets a test take that hangs."""
