"""Why a run does not count."""


class Refused(Exception):
    """What was measured says nothing; the message is one sentence."""


class OutOfBreath(Refused):
    """The load generator was the bottleneck, or had no core to itself. Worth another try."""
