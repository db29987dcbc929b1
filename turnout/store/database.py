"""What every database offers: transactions that read, transactions that write, and when they count as done."""

import threading
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from pathlib import Path

from sqlalchemy import Connection

from turnout.errors import StorageUnavailable
from turnout.model.age import Age
from turnout.store import installation
from turnout.store.notices import Notices

LOCK_TIMEOUT_S = 5.0
"""How long a commit waits for another writer before it says that the storage is not available."""
ANSWER_TIMEOUT_S = 10.0
"""How long a transaction may wait for the database in all, before it is given up."""


class TransactionLost(StorageUnavailable):
    """The transaction was ended by the database or by the way to it, and nothing of it took effect: try again."""


class StillLocked(StorageUnavailable):
    """Somebody else held what this transaction had to hold, for longer than is waited; nothing of it took effect."""


class Unreachable(StorageUnavailable):
    """Nobody gets through to the database."""

    def __init__(self, detail: str, why: str) -> None:
        super().__init__(detail)
        self.why = why
        """What the server or the way there says. For operators: it may name machines and accounts."""


class OutcomeUnknown(StorageUnavailable):
    """The way to the database broke while the transaction was being committed: it may have taken effect."""

    help = (
        "It may have been stored, all of it or a part. Send the same again in a moment: what is stored already is "
        "recognised, and not stored twice."
    )


class Database(ABC):
    """One database: whoever writes is told whether it is on disk, whoever reads sees one moment."""

    given_secret_key: bytes | None
    """What the setting gives; without it the key is in a file."""
    key_file: Path
    """Which file that is."""
    _secret_key: bytes | None = None

    url: str
    """For connections. It may hold a password: `place` is for people."""
    notices: Notices
    """By which readers learn that an event's log has grown."""

    @property
    @abstractmethod
    def place(self) -> str:
        """Where it is, for people: without any password."""

    @abstractmethod
    def write(
        self, *, patient: bool = False, within_s: float = ANSWER_TIMEOUT_S, lock_s: float = LOCK_TIMEOUT_S
    ) -> AbstractContextManager[Connection]:
        """A transaction that may write; on disk when the block has ended (D1).

        It waits for the database no longer than `within_s` in all, and for one thing that another has locked no longer
        than `lock_s` (SQLite: `LOCK_TIMEOUT_S`, there is one lock for all). A patient one may wait long.

        Raises StorageUnavailable when the database cannot be written, then nothing of it took effect; OutcomeUnknown
        where that is not certain.
        """

    @abstractmethod
    def read(self, *, patient: bool = False) -> AbstractContextManager[Connection]:
        """A transaction that sees one moment of the database; a patient one may last. Raises StorageUnavailable."""

    @abstractmethod
    def read_replica(self) -> AbstractContextManager[Connection]:
        """As `read`, for lists and exports: from a replica where there is one, which may be a little behind."""

    @abstractmethod
    def age_of(self, connection: Connection) -> Age | None:
        """How old what this transaction sees was when it began; None where it is of the primary, and so of now.

        It is to be asked while the transaction lasts, and costs the primary a question a second at most.
        """

    @abstractmethod
    def find_replica_age(self) -> Age | None:
        """How old what the replica shows is now; None where there is none.

        Raises StorageUnavailable where it is away.
        """

    @property
    @abstractmethod
    def why_no_replica(self) -> str:
        """Why lists are read from the primary although there is a replica, as far as is known; for operators."""

    @abstractmethod
    def agree_on_time(self) -> None:
        """Lets this process go by the database's clock, where several machines share it. Raises StorageUnavailable."""

    @abstractmethod
    def move_log(self) -> None:
        """Does what is due after many commits; cheap when there is nothing to do. Raises StorageUnavailable."""

    @abstractmethod
    def wipe(self, stopping: threading.Event | None = None) -> bool:
        """Overwrites what was erased and still lies in unused corners of files, as far as the database lets us.

        False where some bytes may be left for now, or it was told to stop. Raises StorageUnavailable.
        """

    @abstractmethod
    def size_bytes(self) -> int:
        """Of all that is stored. Raises StorageUnavailable."""

    @abstractmethod
    def close(self) -> None: ...

    @property
    def secret_key(self) -> bytes:
        """The installation's 32 bytes, made when first asked for.

        Raises StorageUnavailable, also where it is not the key that the database was used with.
        """
        if self._secret_key is None:
            self._secret_key = installation.get_key(self)
        return self._secret_key
