"""Taking people out of state, log and pushes: one by request (F1, F2), everyone of an event in the end (F3)."""
