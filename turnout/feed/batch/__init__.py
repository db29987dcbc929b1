"""Many pushes in one request (E1–E4). Start reading at `intake.py`."""
