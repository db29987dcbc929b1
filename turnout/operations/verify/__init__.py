"""Whether what is stored agrees with itself. Start reading at `verify.py`; each other file compares two things."""
