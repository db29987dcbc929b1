"""Attempts to sign in that failed, by keyed digests of who was tried and from where; a day at most."""

from collections.abc import Iterable

import msgspec
from sqlalchemy import Connection, text


class Failures(msgspec.Struct, frozen=True):
    """Of one account, or from one address."""

    count: int
    last_at: int


def find_failures(connection: Connection, subject: str) -> Failures | None:
    row = connection.execute(
        text("SELECT count, last_at FROM sign_in_failures WHERE subject = :subject"), {"subject": subject}
    ).first()
    return None if row is None else Failures(*row)


def lock_failures(connection: Connection, subjects: Iterable[str]) -> dict[str, Failures]:
    """Of these subjects; whoever tries one of them at the same time waits until the transaction ends."""
    found = {}
    # In one order, so that nobody waits in a circle. What is not there yet is made, or there were nothing to lock.
    for subject in sorted(subjects):
        row = connection.execute(
            text(
                "INSERT INTO sign_in_failures (subject, count, last_at) VALUES (:subject, 0, 0)"
                " ON CONFLICT (subject) DO UPDATE SET count = sign_in_failures.count RETURNING count, last_at"
            ),
            {"subject": subject},
        ).one()
        found[subject] = Failures(*row)
    return found


def set_failures(connection: Connection, subject: str, failures: Failures) -> None:
    connection.execute(
        text("UPDATE sign_in_failures SET count = :count, last_at = :last_at WHERE subject = :subject"),
        {"count": failures.count, "last_at": failures.last_at, "subject": subject},
    )


def take_one_back(connection: Connection, subject: str) -> None:
    """What was counted was no failure."""
    connection.execute(
        text("UPDATE sign_in_failures SET count = count - 1 WHERE subject = :subject AND count > 0"),
        {"subject": subject},
    )


def clear(connection: Connection, subject: str) -> None:
    connection.execute(text("DELETE FROM sign_in_failures WHERE subject = :subject"), {"subject": subject})


def forget(connection: Connection, before: int) -> None:
    """Removes those whose last attempt was before that time."""
    connection.execute(text("DELETE FROM sign_in_failures WHERE last_at < :before"), {"before": before})
