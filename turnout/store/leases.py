"""Work that must happen once, whichever process does it: who does it now, by the database's clock.

Whoever holds a lease renews it in each transaction that records something. Who has lost it, because he was paused for
longer than it lasts, say, cannot: the database decides, in the same transaction, and nothing is recorded.
"""

import msgspec
from sqlalchemy import Connection, text

from turnout.store.statements import is_postgresql

_CLOCK_SQLITE = "CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)"
_CLOCK_POSTGRESQL = "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint)"


class LeaseLost(Exception):
    """Somebody else does the work now, or may begin to at any moment: whoever is told so stops, recording nothing."""


class Lease(msgspec.Struct, frozen=True):
    """One holder's turn; the next one's has another token."""

    name: str
    holder: str
    token: int


def take(connection: Connection, name: str, holder: str, for_us: int) -> Lease | None:
    """The lease, where nobody has it or the time of whoever had it is over; else None."""
    clock = _clock(connection)
    token = connection.execute(
        text(
            "INSERT INTO leases (name, holder, token, expires_at)"
            f" VALUES (:name, :holder, 1, {clock} + :for_us)"
            " ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, token = leases.token + 1,"
            f" expires_at = excluded.expires_at WHERE leases.expires_at <= {clock}"
            " RETURNING token"
        ),
        {"name": name, "holder": holder, "for_us": for_us},
    ).scalar()
    return None if token is None else Lease(name, holder, token)


def renew(connection: Connection, lease: Lease, for_us: int) -> None:
    """From now on it lasts that long again, and nobody takes it before this transaction has ended.

    Raises LeaseLost where its time was over, even if nobody has taken it since.
    """
    clock = _clock(connection)
    renewed = connection.execute(
        text(
            f"UPDATE leases SET expires_at = {clock} + :for_us"
            f" WHERE name = :name AND token = :token AND expires_at > {clock}"
        ),
        {"name": lease.name, "token": lease.token, "for_us": for_us},
    )
    if renewed.rowcount == 0:
        raise LeaseLost(lease.name)


def renew_as(connection: Connection, lease: Lease, holder: str, for_us: int) -> None:
    """The same by a holder who has something else to say of himself: how far he is. Raises LeaseLost."""
    renew(connection, lease, for_us)
    connection.execute(
        text("UPDATE leases SET holder = :holder WHERE name = :name AND token = :token"),
        {"holder": holder, "name": lease.name, "token": lease.token},
    )


def take_away(connection: Connection, name: str) -> None:
    """Whoever has the lease records nothing from now on."""
    connection.execute(text("UPDATE leases SET expires_at = 0 WHERE name = :name"), {"name": name})


def find_latest(connection: Connection, name: str) -> tuple[str, bool] | None:
    """Who had the lease last, and whether he has it now."""
    row = connection.execute(
        text(f"SELECT holder, expires_at > {_clock(connection)} AS is_held FROM leases WHERE name = :name"),
        {"name": name},
    ).first()
    return None if row is None else (row.holder, bool(row.is_held))


def give_back(connection: Connection, lease: Lease) -> None:
    """Lets the next one begin at once."""
    connection.execute(
        text("UPDATE leases SET expires_at = 0 WHERE name = :name AND token = :token"),
        {"name": lease.name, "token": lease.token},
    )


def find_holder(connection: Connection, name: str) -> str | None:
    """Who has the lease now."""
    return connection.execute(
        text(f"SELECT holder FROM leases WHERE name = :name AND expires_at > {_clock(connection)}"), {"name": name}
    ).scalar()


def _clock(connection: Connection) -> str:
    """Microseconds since 1970 by the database's own clock, whatever the machines' say."""
    return _CLOCK_POSTGRESQL if is_postgresql(connection) else _CLOCK_SQLITE
