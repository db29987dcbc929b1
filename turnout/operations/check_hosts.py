"""What `turnout doctor` says of each host where the URL names several: of them one is used, and the others in need."""

from collections.abc import Iterator, Mapping

from turnout.operations.check import Check
from turnout.operations.remedies import find_cure, say_why
from turnout.store.database import Unreachable
from turnout.store.diagnosis import HostFacts

Hosts = Mapping[str, HostFacts | Unreachable]
"""By the name that people know it by; empty where the URL names but one."""


def check_hosts(hosts: Hosts, choice: str | None) -> Iterator[Check]:
    """One for each, and what is wrong with them together; `choice` is a target_session_attrs that does not do."""
    yield from (_check_host(f"host {name}", found) for name, found in hosts.items())
    if choice is not None:
        yield Check(
            "choice of hosts",
            "warning",
            f"target_session_attrs is {choice} in TURNOUT_DATABASE_URL: a host that takes no writes may be used.",
            "Take it out: Turnout uses the host that takes writes.",
        )
    writing = _find_writing(hosts)
    if len(writing) > 1:
        yield _tell_split(writing)


def say_no_writes(hosts: Hosts) -> tuple[str, str] | None:
    """What is wrong where none of them takes writes, and what to do; None where one does, or there are none."""
    if not hosts or _find_writing(hosts):
        return None
    if all(isinstance(found, Unreachable) for found in hosts.values()):
        return "None of the hosts in TURNOUT_DATABASE_URL can be reached.", "What to do stands with each host."
    cure = (
        "Start the primary. Where it is gone: see that it cannot start again, then promote the standby (SELECT "
        "pg_promote(), as a superuser there)."
    )
    return "None of the hosts in TURNOUT_DATABASE_URL takes writes.", cure


def _check_host(name: str, found: HostFacts | Unreachable) -> Check:
    if isinstance(found, Unreachable):
        return Check(name, "warning", say_why(found), find_cure(found) or "See that it runs.")
    if found.kind == "read-only":
        return Check(
            name,
            "warning",
            "It is no standby, but takes no writes: default_transaction_read_only is on.",
            "Unless it is meant so: ALTER SYSTEM RESET default_transaction_read_only, and reload; it may be set for "
            "the role or the database too.",
        )
    return Check(name, "ok", "It takes writes." if found.kind == "primary" else "It is a standby.")


def _find_writing(hosts: Hosts) -> dict[str, int]:
    """The timeline of each server that takes writes, by its name; of one that is named twice, by the first."""
    writing: dict[object, tuple[str, int]] = {}
    for name, found in hosts.items():
        if isinstance(found, HostFacts) and found.kind == "primary":
            writing.setdefault(found.started_at, (name, found.timeline or 0))
    return dict(writing.values())


def _tell_split(writing: dict[str, int]) -> Check:
    newest = max(writing.values())
    stay = [name for name, timeline in writing.items() if timeline == newest]
    stop = [name for name, timeline in writing.items() if timeline < newest]
    if len(stay) == 1:
        first = (
            f"Stop {' and '.join(stop)} at once: {stay[0]} was promoted, for its timeline is the higher one, and the "
            "other was the primary before."
        )
    else:
        first = "Stop all but one of them at once: the one that was promoted last stays."
    return Check(
        "split brain",
        "problem",
        f"{len(writing)} hosts take writes: "
        + " and ".join(f"{name} (timeline {timeline})" for name, timeline in writing.items())
        + ". Machines of Turnout that use one do not see what others store at the other, and each writes a history of "
        "its own.",
        f"{first} Keep a copy of its data, which has what was stored there since, and only there; then make a standby "
        "of it before it starts again: pg_rewind -R, or pg_basebackup -R into an empty folder.",
    )
