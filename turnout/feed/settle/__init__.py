"""What becomes of each push, in a draft of its event. Start reading at `settle.py`; `commit.py` writes the draft."""
