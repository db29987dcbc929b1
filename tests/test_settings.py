"""What may stand in the environment, and what is said of what may not."""

import base64
import ipaddress
import re
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from psycopg import conninfo

from turnout import settings
from turnout.cli import main
from turnout.settings import InvalidSettings, Settings, read

KEY = bytes(range(200, 232))


def problems_of(environ: dict[str, str]) -> list[str]:
    with pytest.raises(InvalidSettings) as raised:
        read(environ)
    assert str(raised.value) == "\n".join(raised.value.problems)
    return raised.value.problems


def test_an_empty_environment_gives_the_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert read({}) == Settings(
        database_url=f"sqlite:///{tmp_path}/data/turnout.db",
        secret_key=None,
        read_database_url=None,
        notice_database_url=None,
        database_pool_size=8,
        public_url=None,
        trusted_proxies=(),
        max_body=1_048_576,
        max_batch_body=33_554_432,
        queue_limit=2_000,
        in_flight_limit=134_217_728,
        log_format="text",
        log_level="info",
        shutdown_timeout_s=10,
    )


def test_other_programs_settings_do_not_matter() -> None:
    assert read({"PATH": "/bin", "TURN": "x", "XTURNOUT_Y": "z"}) == read({})


def test_a_blank_value_is_no_value() -> None:
    assert read({"TURNOUT_MAX_BODY": "", "TURNOUT_PUBLIC_URL": "  ", "TURNOUT_DATABASE_URL_FILE": ""}) == read({})


def test_the_senders_key_and_the_tests_own_names_are_let_through() -> None:
    assert read({"TURNOUT_KEY": "trn_a_b", "TURNOUT_TEST_PG_BIN": "/usr/bin"}) == read({})


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        ("database_url", "sqlite:////var/lib/turnout.db", "sqlite:////var/lib/turnout.db"),
        ("database_pool_size", "20", 20),
        ("secret_key", KEY.hex(), KEY),
        ("secret_key", base64.b64encode(KEY).decode(), KEY),
        ("secret_key", base64.urlsafe_b64encode(KEY).decode().rstrip("="), KEY),
        ("public_url", "https://feed.example.org", "https://feed.example.org"),
        ("public_url", "https://Feed.Example.org:8443/Turnout/", "https://feed.example.org:8443/Turnout"),
        ("public_url", "http://[2001:db8::1]:8000", "http://[2001:db8::1]:8000"),
        ("trusted_proxies", "10.0.0.0/8", (ipaddress.ip_network("10.0.0.0/8"),)),
        (
            "trusted_proxies",
            "192.0.2.1, ::1,10.0.0.0/8",
            (
                ipaddress.ip_network("192.0.2.1/32"),
                ipaddress.ip_network("::1/128"),
                ipaddress.ip_network("10.0.0.0/8"),
            ),
        ),
        ("max_body", "1MiB", 1_048_576),
        ("max_body", "2 mib", 2_097_152),
        ("max_body", "1.5MiB", 1_572_864),
        ("max_body", "500kB", 500_000),
        ("max_body", "65536", 65_536),
        ("max_body", "65_536", 65_536),
        ("max_batch_body", "64MiB", 67_108_864),
        ("queue_limit", "50", 50),
        ("in_flight_limit", "1GiB", 1_073_741_824),
        ("log_format", "JSON", "json"),
        ("log_level", "warning", "warning"),
        ("shutdown_timeout_s", "2.5", 2.5),
        ("shutdown_timeout_s", "30s", 30),
    ],
)
def test_a_value_that_can_be_meant_is_read(field: str, text: str, value: object) -> None:
    assert getattr(read({f"TURNOUT_{field.upper()}": f" {text} "}), field) == value


def test_a_relative_database_lies_in_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert read({"TURNOUT_DATABASE_URL": "sqlite:///here.db"}).database_url == f"sqlite:///{tmp_path}/here.db"


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("DATABASE_URL", "postgresql+psycopg://u:p@host/db", "must begin with sqlite:// or postgresql://"),
        ("DATABASE_URL", "mysql://host/db", "must begin with sqlite:// or postgresql://"),
        ("DATABASE_URL", "postgresql://u:p@host", "must name a database behind the host"),
        ("DATABASE_URL", "postgresql://u:p@host/", "must name a database behind the host"),
        ("DATABASE_URL", "postgresql://u:p@host?sslmode=require", "must name a database behind the host"),
        ("DATABASE_URL", "postgresql://u:p@host/db?sslmod=require", "which libpq does not know: sslmode is meant"),
        ("DATABASE_URL", "postgresql://u:p@host/db?ssl-mode=require", "which libpq does not know: sslmode is meant"),
        ("DATABASE_URL", "postgresql://u:p@host/db?pool_size=5", "TURNOUT_DATABASE_POOL_SIZE says"),
        ("DATABASE_URL", "postgresql://u:p@host/db?schema=x", "write options=-csearch_path%3Dname"),
        ("DATABASE_URL", "postgresql://u:p@host/db?options=-cgeqo=off", "write %3D for ="),
        ("DATABASE_URL", "postgresql://u:p@host/db?sslmode=require?port=1", "in the value of sslmode"),
        ("DATABASE_URL", "postgresql://u:p@host/db?sslmode", "the parameter sslmode without a value"),
        ("DATABASE_URL", "postgresql://u:p@host/db?sslmode=require&&port=1", "must have parameters behind the ?"),
        ("DATABASE_URL", "postgresql://u:p@host/db?sslmode=on", "has 'on' for sslmode, which must be disable, allow"),
        ("DATABASE_URL", "postgresql://u:p@host/db?connect_timeout=5s", "must be a whole number (seconds)"),
        ("DATABASE_URL", "postgresql://u:p@host/db?tcp_user_timeout=", "must be a whole number (milliseconds)"),
        ("DATABASE_URL", "postgresql://u:p@host/db?hostaddr=db", "a name belongs into host"),
        ("DATABASE_URL", "postgresql://u:p@host/db?client_encoding=LATIN1", "must be UTF8"),
        ("DATABASE_URL", "postgresql://u:p@one,two/db?port=1,2,3", "it has 3 for 2"),
        ("DATABASE_URL", "postgresql://u:p@host:port/db", "a number between 1 and 65535 behind the host's colon"),
        ("DATABASE_URL", "postgresql://u:p@host:543210/db", "a number between 1 and 65535 behind the host's colon"),
        ("DATABASE_URL", "postgresql://u:p@::1/db", "must have an IPv6 address in brackets"),
        ("DATABASE_URL", "'postgresql://u:p@host/db'", "must not begin with a quotation mark"),
        ("DATABASE_URL", "postgresql://u:p@[::1/db", "cannot be read as a PostgreSQL URL"),
        ("READ_DATABASE_URL", "sqlite:////var/lib/turnout.db", "must begin with postgresql://"),
        ("READ_DATABASE_URL", "postgresql://u:p@host", "must name a database behind the host"),
        ("NOTICE_DATABASE_URL", "host=db dbname=turnout", "must begin with postgresql://"),
        (
            "NOTICE_DATABASE_URL",
            "postgresql://u:p@host/db?x=y",
            "the parameter x, which libpq does not know: leave it out",
        ),
        ("DATABASE_POOL_SIZE", "0", "must be between 1 and 1,000"),
        ("DATABASE_POOL_SIZE", "many", "must be a whole number"),
        ("DATABASE_URL", "/var/lib/turnout.db", "must be a URL"),
        ("DATABASE_URL", "sqlite://turnout.db", "three slashes"),
        ("DATABASE_URL", "sqlite://localhost/a.db", "'localhost' would be a host"),
        ("DATABASE_URL", "sqlite://", "three slashes"),
        ("DATABASE_URL", "sqlite:///", "must name a file"),
        ("DATABASE_URL", "sqlite:////var/lib/", "must name a file"),
        ("DATABASE_URL", "sqlite:///:memory:", "keeps nothing"),
        ("DATABASE_URL", "sqlite:////a.db?mode=ro", "has no parameters"),
        ("SECRET_KEY", "hunter2", "must be 32 random bytes"),
        ("SECRET_KEY", base64.b64encode(KEY[1:]).decode(), "must be 32 random bytes"),
        ("SECRET_KEY", "zz" * 32, "must be 32 random bytes"),
        ("SECRET_KEY", "é" * 64, "must be 32 random bytes"),
        ("SECRET_KEY", "0" * 64, "must be random"),
        ("PUBLIC_URL", "feed.example.org", "begins with http:// or https://"),
        ("PUBLIC_URL", "ftp://feed.example.org", "begins with http:// or https://"),
        ("PUBLIC_URL", "https://", "begins with http:// or https://"),
        ("PUBLIC_URL", "https:///path", "begins with http:// or https://"),
        ("PUBLIC_URL", "https://feed.example.org/?a=b", "without ? or #"),
        ("PUBLIC_URL", "https://feed.example.org/#a", "without ? or #"),
        ("PUBLIC_URL", "https://user:pw@feed.example.org", "must not hold a user name"),
        ("PUBLIC_URL", "https://feed.example.org:99999", "is not a URL"),
        ("PUBLIC_URL", "https://feed.example.org:0", "plain URL"),
        ("PUBLIC_URL", "https://[::1", "is not a URL"),
        ("PUBLIC_URL", "https://feed example.org", "plain URL"),
        ("TRUSTED_PROXIES", "10.0.0.1/8", "write 10.0.0.0/8"),
        ("TRUSTED_PROXIES", "127.0.0.1, localhost", "localhost is neither"),
        ("TRUSTED_PROXIES", "*", "* is neither"),
        ("MAX_BODY", "1 Mb/s", "must be a size"),
        ("MAX_BODY", "-1", "must be a size"),
        ("MAX_BODY", "much", "must be a size"),
        ("MAX_BODY", "0", "must be between 1 KiB and 256 MiB"),
        ("MAX_BODY", "1GiB", "must be between 1 KiB and 256 MiB"),
        ("QUEUE_LIMIT", "0", "must be between 1 and 1,000,000"),
        ("QUEUE_LIMIT", "2.5", "must be a whole number"),
        ("LOG_FORMAT", "xml", "must be text or json"),
        ("LOG_LEVEL", "loud", "must be debug, info, warning or error"),
        ("SHUTDOWN_TIMEOUT_S", "0", "must be a number of seconds between 0.1 and 3600"),
        ("SHUTDOWN_TIMEOUT_S", "nan", "must be a number of seconds"),
        ("SHUTDOWN_TIMEOUT_S", "1m", "must be a number of seconds"),
    ],
)
def test_a_value_that_cannot_be_meant_gets_a_sentence(name: str, text: str, says: str) -> None:
    [problem] = problems_of({f"TURNOUT_{name}": text})
    assert problem.startswith(f"TURNOUT_{name}")
    assert says in problem
    assert problem.endswith(".")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("TURNOUT_MAXBODY", "Did you mean TURNOUT_MAX_BODY?"),
        ("TURNOUT_DATABASE", "Did you mean TURNOUT_DATABASE_URL?"),
        ("TURNOUT_TRUSTED_PROXY", "Did you mean TURNOUT_TRUSTED_PROXIES?"),
        ("turnout_log_level", "Did you mean TURNOUT_LOG_LEVEL?"),
        ("TURNOUT_LOG_LEVEL_FILE", "only secrets are read from files"),
        ("TURNOUT_XYZZY", "`turnout doctor` lists"),
        ("TURNOUT_", "`turnout doctor` lists"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(name: str, says: str) -> None:
    [problem] = problems_of({name: "1"})
    assert problem.startswith(f"{name} is not a setting")
    assert says in problem


def test_all_problems_are_told_at_once() -> None:
    environ = {"TURNOUT_MAX_BODY": "x", "TURNOUT_LOG_LEVEL": "y", "TURNOUT_LOGLEVEL": "z", "TURNOUT_PUBLIC_URL": "w"}
    assert len(problems_of(environ)) == 4


def test_bodies_must_fit_into_what_is_held_at_once() -> None:
    [problem] = problems_of({"TURNOUT_MAX_BATCH_BODY": "256MiB"})
    assert "TURNOUT_MAX_BATCH_BODY (256 MiB) is more than TURNOUT_IN_FLIGHT_LIMIT (128 MiB)" in problem
    read({"TURNOUT_MAX_BATCH_BODY": "256MiB", "TURNOUT_IN_FLIGHT_LIMIT": "256MiB"})


def test_a_secret_may_lie_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text("sqlite:////var/lib/turnout.db\n")
    environ = {"TURNOUT_DATABASE_URL_FILE": str(file)}
    assert read(environ).database_url == "sqlite:////var/lib/turnout.db"
    assert settings.origins(environ)[0].source == "file"


def test_a_file_that_cannot_be_used_gets_a_sentence(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe")
    for file, says in [
        (tmp_path / "missing", "No such file"),
        (tmp_path, "Is a directory"),
        (empty, "is empty"),
        (binary, "UTF-8"),
    ]:
        [problem] = problems_of({"TURNOUT_DATABASE_URL_FILE": str(file)})
        assert problem.startswith("TURNOUT_DATABASE_URL_FILE names")
        assert says in problem


def test_a_secret_may_not_be_given_twice(tmp_path: Path) -> None:
    [problem] = problems_of({"TURNOUT_DATABASE_URL": "sqlite:////a.db", "TURNOUT_DATABASE_URL_FILE": "/run/secret"})
    assert "both set" in problem


# --- PostgreSQL ------------------------------------------------------------------------------------------------------

REPLICA = "postgresql://ann@replica.example.org/turnout"


@pytest.mark.parametrize(
    ("url", "means"),
    [
        ("postgresql://db/turnout", {"host": "db", "dbname": "turnout"}),
        (
            "postgresql://ann:pw@db.example.org:6432/turnout",
            {"user": "ann", "password": "pw", "host": "db.example.org", "port": "6432", "dbname": "turnout"},
        ),
        ("postgresql://[2001:db8::1]:5433/turnout", {"host": "2001:db8::1", "port": "5433", "dbname": "turnout"}),
        (
            "postgresql://ann:pw@one:5432,two,three:5434/turnout?target_session_attrs=read-write",
            {
                "user": "ann",
                "password": "pw",
                "host": "one,two,three",
                "port": "5432,,5434",
                "dbname": "turnout",
                "target_session_attrs": "read-write",
            },
        ),
        (
            "postgresql://db/turnout?sslmode=verify-full&sslrootcert=/etc/ca.pem&application_name=a%20b",
            {
                "host": "db",
                "dbname": "turnout",
                "sslmode": "verify-full",
                "sslrootcert": "/etc/ca.pem",
                "application_name": "a b",
            },
        ),
        ("postgresql:///turnout?host=/run/postgresql", {"host": "/run/postgresql", "dbname": "turnout"}),
        (
            "postgresql://ann%40example:p%40s%3As%2Fw%25%3F%20d@db/turnout",
            {"user": "ann@example", "password": "p@s:s/w%? d", "host": "db", "dbname": "turnout"},
        ),
        # What can be told apart all the same.
        (
            "postgresql://ann:p:s#w?d@db/turnout",
            {"user": "ann", "password": "p:s#w?d", "host": "db", "dbname": "turnout"},
        ),
    ],
)
@pytest.mark.parametrize("field", ["database_url", "read_database_url", "notice_database_url"])
def test_a_postgresql_url_is_what_libpq_takes_and_reaches_it_as_it_is(
    field: str, url: str, means: dict[str, str]
) -> None:
    """Several hosts, TLS and all other parameters; however the scheme is spelled."""
    rest = url.removeprefix("postgresql:")
    for spelled in (url, f"postgres:{rest}"):
        environ = {"TURNOUT_DATABASE_URL": REPLICA, f"TURNOUT_{field.upper()}": f" {spelled}\n"}
        taken = getattr(read(environ), field)
        assert taken == url
        assert conninfo.conninfo_to_dict(taken) == means


@pytest.mark.parametrize(
    "password", ["hunt@er2", "hunter2@", "hunter2/x", "12/hunter2", "hunter2%zz", "hunter2 x", "hunter2?/x"]
)
def test_a_password_that_is_not_written_as_urls_want_it_is_refused_with_how(password: str) -> None:
    """Or libpq would take its rest for a host or a database, and say it in every error."""
    [problem] = problems_of({"TURNOUT_DATABASE_URL": f"postgresql://ann:{password}@db.example.org/turnout"})
    assert "in the password write %40 for @, %3A for :, %2F for / and %25 for %." in problem
    assert "unt" not in problem.replace("turnout", "")


def test_ways_to_a_replica_and_for_notices_need_postgresql() -> None:
    others = {"TURNOUT_READ_DATABASE_URL": REPLICA, "TURNOUT_NOTICE_DATABASE_URL": REPLICA}
    for environ in (others, others | {"TURNOUT_DATABASE_URL": "sqlite:////var/lib/turnout.db"}):
        assert problems_of(environ) == [
            f"{name} is for PostgreSQL, and TURNOUT_DATABASE_URL names an SQLite file: unset one of them."
            for name in others
        ]
    settings_read = read(others | {"TURNOUT_DATABASE_URL": "postgres://ann:pw@db/turnout"})
    assert settings_read.read_database_url == settings_read.notice_database_url == REPLICA


def test_every_postgresql_url_may_lie_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text("postgres://ann:hunter2@db/turnout\n")
    names = ["TURNOUT_DATABASE_URL", "TURNOUT_READ_DATABASE_URL", "TURNOUT_NOTICE_DATABASE_URL"]
    environ = {f"{name}_FILE": str(file) for name in names}
    read_settings = read(environ)
    assert read_settings.database_url == "postgresql://ann:hunter2@db/turnout"
    assert read_settings.read_database_url == read_settings.notice_database_url == read_settings.database_url
    rows = {row.name: (row.value, row.source) for row in settings.origins(environ)}
    assert [rows[name] for name in names] == [("postgresql://ann:***@db/turnout", "file")] * 3


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://ann:hunter2@host/db", "postgresql://ann:***@host/db"),
        ("postgres://ann:hunter2@host/db", "postgresql://ann:***@host/db"),
        ("postgresql://ann:hunter2@host/db?password=hunter2", "postgresql://ann:***@host/db"),
        ("postgresql://ann:hunt%40er2@one:1,[::1]:2/db?x", "postgresql://ann:***@one:1,[::1]:2/db"),
        ("postgresql://ann:hunter2@one,two/db?sslmode=require", "postgresql://ann:***@one,two/db"),
        ("postgresql://:hunter2@host/db", "postgresql://:***@host/db"),
        ("postgresql://host/db?user=ann&password=hunter2", "postgresql://host/db"),
        ("postgresql:///db?host=/run/pg&password=hunter2&x=@", "***"),
        ("postgresql://host/db?password=@hunter2", "***"),
        ("postgresql://host/db?user=ann@b&sslpassword=hunter2", "***"),
        ("postgresql://ann:hunt@er2@host/db", "postgresql://ann:***@host/db"),
        ("postgresql://ann:hunt?er2@host/db", "***"),
        ("postgresql://ann:hunter2%@host/db", "postgresql://ann:***@host/db"),
        ("postgresql://ann:12/hunter2@host/db", "postgresql://ann:***@host/db"),
        ("postgresql://ann:hunter2/db", "***"),
        ("postgresql://ann:hunter2", "***"),
        ("mysql://ann:hunter2@host/db", "mysql://ann:***@host/db"),
    ],
)
@pytest.mark.parametrize("name", ["TURNOUT_DATABASE_URL", "TURNOUT_READ_DATABASE_URL", "TURNOUT_NOTICE_DATABASE_URL"])
def test_a_password_is_shown_nowhere(name: str, url: str, shown: str) -> None:
    environ = {"TURNOUT_DATABASE_URL": REPLICA, name: url}
    (origin,) = [one for one in settings.origins(environ) if one.name == name]
    # What is read is spelled in one way.
    assert origin.value.replace("postgres:", "postgresql:") == shown
    assert not re.search("hunt|er2", str(origin))
    said = "\n".join(problems_of(environ)) if origin.problem else str(settings.origins(environ))
    assert not re.search("hunt|er2", said)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ann:hunter2@127.0.0.1:1/turnout",
        "postgresql://127.0.0.1:1/turnout?user=ann@b&password=hunter2",
        "postgresql://ann:hunt@er2@127.0.0.1:1/turnout",
        "postgresql://ann:hunter2/turnout",
    ],
)
@pytest.mark.parametrize("command", [["doctor"], ["doctor", "--json"], ["event", "list"], ["serve", "--port", "0"]])
def test_no_command_shows_a_password(
    command: list[str], url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Of a database that is away too."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TURNOUT_DATABASE_URL", url)
    result = CliRunner().invoke(main, command)
    assert isinstance(result.exception, SystemExit)
    assert result.exit_code == 1
    assert "DATABASE_URL" in result.output or "reached" in result.output
    assert not re.search("hunt|er2", result.output + caplog.text)


@pytest.mark.parametrize("secret", ["hunter2", "postgresql://ann:hunt@er2@host/db", "postgresql:ann:hunter2@host"])
def test_a_secret_that_is_no_url_is_masked_as_well(secret: str) -> None:
    origin = settings.origins({"TURNOUT_DATABASE_URL": secret})[0]
    assert "er2" not in str(origin)


def test_origins_tell_each_value_and_where_it_comes_from() -> None:
    rows = {row.name: row for row in settings.origins({"TURNOUT_MAX_BODY": "2MiB", "TURNOUT_LOG_LEVEL": "loud"})}
    assert list(rows) == [f"TURNOUT_{field.upper()}" for field in Settings.__struct_fields__]
    assert (rows["TURNOUT_MAX_BODY"].value, rows["TURNOUT_MAX_BODY"].source) == ("2 MiB", "environment")
    assert (rows["TURNOUT_QUEUE_LIMIT"].value, rows["TURNOUT_QUEUE_LIMIT"].source) == ("2,000", "default")
    assert rows["TURNOUT_LOG_LEVEL"].value == "loud"
    assert rows["TURNOUT_LOG_LEVEL"].problem is not None
    assert rows["TURNOUT_MAX_BODY"].problem is None


def test_every_setting_is_described() -> None:
    rows = settings.describe()
    assert [row.name for row in rows] == [f"TURNOUT_{field.upper()}" for field in Settings.__struct_fields__]
    for row in rows:
        assert row.type
        assert row.default
        assert row.help.endswith(".")
    described = {row.name.removeprefix("TURNOUT_"): (row.type, row.unit, row.default) for row in rows}
    assert described["MAX_BODY"] == ("number", "bytes", "1 MiB")
    assert described["SHUTDOWN_TIMEOUT_S"] == ("number", "seconds", "10")
    assert described["LOG_FORMAT"] == ("text or json", "", "text")
    assert described["TRUSTED_PROXIES"] == ("networks", "", "none")


def test_the_secret_key_is_shown_nowhere(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(KEY.hex() + "\n")
    assert read({"TURNOUT_SECRET_KEY_FILE": str(file)}).secret_key == KEY
    for environ in ({"TURNOUT_SECRET_KEY": KEY.hex()}, {"TURNOUT_SECRET_KEY": KEY.hex()[1:]}):
        (origin,) = [one for one in settings.origins(environ) if one.name == "TURNOUT_SECRET_KEY"]
        assert origin.value == "***"
        assert KEY.hex()[1:-1] not in str(origin)


def test_settings_do_not_change_once_read() -> None:
    with pytest.raises(AttributeError):
        read({}).max_body = 1  # ty: ignore[invalid-assignment]
    assert msgspec.structs.replace(read({}), max_body=2_000).max_body == 2_000


# Single sign-on

SIGN_ON = {"TURNOUT_OIDC_ISSUER": "https://login.example.org/", "TURNOUT_OIDC_CLIENT_ID": "turnout"}


def test_an_issuer_is_kept_word_for_word() -> None:
    assert read(SIGN_ON).oidc_issuer == "https://login.example.org/"
    assert read({**SIGN_ON, "TURNOUT_OIDC_CLIENT_SECRET": "s p"}).oidc_client_secret == b"s p"


def test_single_sign_on_is_set_up_whole_or_not_at_all() -> None:
    assert problems_of({"TURNOUT_OIDC_ISSUER": "https://login.example.org"}) == [
        "TURNOUT_OIDC_ISSUER is set without TURNOUT_OIDC_CLIENT_ID: set both or none."
    ]
    assert problems_of({"TURNOUT_OIDC_CLIENT_ID": "x", "TURNOUT_OIDC_CLIENT_SECRET": "y"}) == [
        "TURNOUT_OIDC_CLIENT_ID is set without TURNOUT_OIDC_ISSUER: set both or none.",
        "TURNOUT_OIDC_CLIENT_SECRET is set without TURNOUT_OIDC_ISSUER: set both or none.",
    ]


def test_a_provider_without_https_has_to_be_meant() -> None:
    plain = {**SIGN_ON, "TURNOUT_OIDC_ISSUER": "http://keycloak.internal:8080/realms/main"}
    (problem,) = problems_of(plain)
    assert "TURNOUT_OIDC_PRIVATE=yes" in problem
    assert read({**plain, "TURNOUT_OIDC_PRIVATE": "yes"}).oidc_private


@pytest.mark.parametrize(
    "issuer", ["login.example.org", "ftp://login.example.org", "https://", "https://a?b", "https://u@a"]
)
def test_what_is_no_issuer_is_refused(issuer: str) -> None:
    (problem,) = problems_of({**SIGN_ON, "TURNOUT_OIDC_ISSUER": issuer})
    assert "must be the issuer's URL" in problem


def test_a_client_secret_is_shown_to_nobody() -> None:
    for secret in ("abc", "https://x/y", "sqlite:///z"):
        (shown,) = [
            one.value
            for one in settings.origins({"TURNOUT_OIDC_CLIENT_SECRET": secret})
            if "SECRET" in one.name and one.source != "default"
        ]
        assert shown == "***"
