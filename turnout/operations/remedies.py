"""What an operator does about a database that cannot be reached or used: the other half of what it says of itself."""

import re

from turnout.errors import StorageUnavailable
from turnout.store.database import Unreachable

_GENERAL = (
    "See that PostgreSQL runs there, that its pg_hba.conf and firewalls let this machine in, and that user, password "
    "and database in {setting} are right, and the database is there (createdb makes it)."
)
_STANDBY_AWAY = (
    "Start the standby: commits go on once it follows again. Where it is gone for good, take its name out of "
    "synchronous_standby_names on the primary, and reload; no second machine has what is stored from then on, until "
    "there is a new standby. What was under way may have taken effect or not: look before you do it again."
)
_BY_WORDS = {
    r"password authentication failed|no password supplied": (
        "See that user and password in {setting} are right; a file that TURNOUT_DATABASE_URL_FILE names and ~/.pgpass "
        "count too, and signs such as @ : / in a password stand there as %40 %3A %2F."
    ),
    r"no pg_hba\.conf entry": (
        "Let this machine, user and database in with a line in PostgreSQL's pg_hba.conf, and reload."
    ),
    r'role "[^"]*" does not exist|is not permitted to log in': (
        "See that the user in {setting} is right; CREATE ROLE … LOGIN PASSWORD … makes it, ALTER ROLE … LOGIN lets it "
        "in."
    ),
    r'database "[^"]*" does not exist': (
        "See that the database in {setting} is right; createdb --encoding UTF8 --template template0 makes it."
    ),
    r"permission denied for database": (
        "As its owner or a superuser: GRANT CONNECT ON DATABASE … TO the user in {setting}."
    ),
    r"too many clients|connection slots are reserved|too many connections for": (
        "Raise the limit that is named (max_connections of PostgreSQL, CONNECTION LIMIT of the role or the database), "
        "or use fewer: a lower TURNOUT_DATABASE_POOL_SIZE, fewer processes, or a pooler. `SELECT * FROM "
        "pg_stat_activity` shows who has them."
    ),
    r"certificate|SSL|TLS": (
        "See sslmode, sslrootcert, sslcert and sslkey in {setting}: the files are there for this account, the server "
        "has SSL on, and its certificate is for the host that the URL names and from an authority in sslrootcert."
    ),
    r"resolve host|translate host name": (
        "See that the host in {setting} is right, and that this machine's DNS knows it."
    ),
    r"starting up|shutting down|recovery mode|not yet accepting|not accepting connections": (
        "Wait until PostgreSQL has started; its log says how far it is."
    ),
    r"read-write mode during recovery": (
        "{setting} leads to a standby. See that it names all machines (postgresql://…@one,other/…), and has no "
        "target_session_attrs, so that the one that takes writes is used. Where none does: start the primary, or see "
        "that it cannot start again, and promote a standby (SELECT pg_promote(), as a superuser there)."
    ),
    r"session is read-only.*Multiple connection attempts|Multiple connection attempts.*session is read-only": (
        "None of the hosts in {setting} takes writes. Start the primary, or see that it cannot start again, and "
        "promote a standby (SELECT pg_promote(), as a superuser there). `turnout doctor` tells of each host."
    ),
    r"read-only|is in hot standby|not in hot standby": (
        "See that {setting} leads to the primary, or name all machines in it (postgresql://…@one,other/…), and that "
        "default_transaction_read_only is off."
    ),
    r"permission denied": (
        "Grant it to the user in {setting}, as the owner of what is named or a superuser: GRANT USAGE ON SCHEMA "
        "public TO …; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO …"
    ),
    r"server closed the connection unexpectedly": (
        "Something takes connections there and ends them without a word: a proxy, a tunnel or a pooler that has no "
        "PostgreSQL behind it, another program at this port, or a PostgreSQL that has just died. See that host and "
        "port in {setting} are right, and PostgreSQL's log there."
    ),
    r"No space left|disk is full|disk full|could not extend file": (
        "Make room on the database's disk: nothing can be stored until then."
    ),
}
"""By what is said, the more particular first. A refused connection has no code; where a server speaks another language,
what is said in general has to do."""


def say_why(error: StorageUnavailable) -> str:
    """What is wrong, for operators: it may name machines and accounts."""
    return f"{error.detail.rstrip('.')}: {error.why}." if isinstance(error, Unreachable) else error.detail


def find_cure(error: StorageUnavailable, setting: str = "TURNOUT_DATABASE_URL") -> str | None:
    """What to do about it; None where nothing is known, or the error says it. `setting` is where the URL stands."""
    if "waits for its standby" in error.detail:
        return _STANDBY_AWAY
    cause = error.__cause__
    if not isinstance(error, Unreachable) and not hasattr(getattr(cause, "orig", cause), "sqlstate"):
        # Our own words, and not PostgreSQL's.
        return None
    said = say_why(error)
    cures = [cure for words, cure in _BY_WORDS.items() if re.search(words, said)]
    if isinstance(error, Unreachable):
        cures.append(_GENERAL)
    return cures[0].format(setting=setting) if cures else None
