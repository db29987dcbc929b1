"""What went wrong, as against what could not be tried."""

MAX_TOLD = 20
"""Of what went wrong at once."""


class Broken(Exception):
    """Promises were not kept. Each text says which, and has the evidence; what was lost says so first."""

    def __init__(self, *faults: str) -> None:
        super().__init__("\n".join(faults[:MAX_TOLD]))
        self.faults = list(faults[:MAX_TOLD])
        self.lost = sum(fault.startswith("LOST") for fault in faults)
        self.others = len(faults) - self.lost


class NotHere(Exception):
    """This kind of torture cannot be done on this machine. The text says why."""
