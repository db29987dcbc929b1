"""The front door: one push, from bytes to receipt. Start reading at `intake.py`."""
