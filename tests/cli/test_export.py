"""`turnout attendees export`: everybody of an event in a file."""

import csv
import json
import stat
from pathlib import Path

import pytest
import python_calamine

from tests.cli.conftest import Cli, person


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)


def make_people(cli: Cli) -> None:
    cli.make_event()
    cli.push(
        person("ada@example.com", ["Speakers"], firstName="Ada", title="=1+1"),
        person("bob@example.com", ["Crew", "Speakers"], firstName="Bob"),
        person("eve@example.com", firstName="Eve"),
    )


def read(file: str | Path) -> list[dict[str, str]]:
    with Path(file).open(encoding="utf-8-sig", newline="") as opened:
        return list(csv.DictReader(opened))


def test_a_file_is_written_for_its_owner_and_named_after_the_event(cli: Cli) -> None:
    make_people(cli)
    said = cli.json("attendees", "export", "--event", "spring")
    assert said == {"file": str(Path("spring.csv").absolute()), "rows": 3, "sequence": 3}
    assert [row["profile.firstName"] for row in read("spring.csv")] == ["Ada", "Bob", "Eve"]
    assert stat.S_IMODE(Path("spring.csv").stat().st_mode) == 0o600
    assert [file.name for file in Path().iterdir()] == ["spring.csv"]


def test_a_file_that_is_there_is_kept_unless_it_may_be_replaced(cli: Cli) -> None:
    make_people(cli)
    Path("spring.csv").write_text("mine")
    assert "is there already" in cli.error("attendees", "export", "--event", "spring")
    assert Path("spring.csv").read_text() == "mine"
    assert "3 attendees in" in cli.text("attendees", "export", "--event", "spring", "--force")
    assert len(read("spring.csv")) == 3


def test_what_fails_leaves_nothing(cli: Cli) -> None:
    make_people(cli)
    assert "no group" in cli.error("attendees", "export", "--event", "spring", "--group", "Nobody")
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--group", "speakers"), ["Ada", "Bob"]),
        (("--custom-field", "Shoe size=43"), []),
        (("--source", "main"), ["Ada", "Bob", "Eve", "Kim"]),
        (("--source", "console"), []),
        (("--status", "withdrawn"), ["Zoe"]),
        (("--status", "all"), ["Ada", "Bob", "Eve", "Kim", "Zoe"]),
        (("--updated-since", "2999-01-01T00:00:00Z"), []),
        (("--custom-field", "Diet=VEGAN"), ["Kim"]),
    ],
)
def test_filters_are_those_of_the_list(cli: Cli, arguments: tuple[str, ...], expected: list[str]) -> None:
    make_people(cli)
    kim = person("kim@example.com", firstName="Kim")
    kim["profile"]["customFields"] = [
        {"fieldName": "Diet", "fieldValue": "vegan"},
        {"fieldName": "Shoe size", "fieldValue": "42"},
    ]
    cli.push(kim, person("zoe@example.com", firstName="Zoe"))
    cli.run("attendees", "remove", "--event", "spring", "zoe@example.com")
    cli.json("attendees", "export", "--event", "spring", *arguments)
    assert [row["profile.firstName"] for row in read("spring.csv")] == expected


def test_fields_choose_columns(cli: Cli) -> None:
    make_people(cli)
    cli.json("attendees", "export", "--event", "spring", "--fields", "email, firstName", "--output", "some.csv")
    assert list(read("some.csv")[0]) == [
        "id",
        "profile.email",
        "status",
        "profile.firstName",
        "eventInfo.groups.groupNames",
        "aliases",
        "createdAt",
        "updatedAt",
    ]
    assert "no field" in cli.error("attendees", "export", "--event", "spring", "--fields", "shoe")


def test_all_formats_hold_the_same_people(cli: Cli) -> None:
    make_people(cli)
    for name in ("xlsx", "ndjson", "json"):
        assert cli.json("attendees", "export", "--event", "spring", "--format", name)["rows"] == 3
    header, *rows = python_calamine.load_workbook("spring.xlsx").get_sheet_by_index(0).to_python()
    assert [row[header.index("profile.title")] for row in rows] == ["=1+1", "", ""]
    lines = [json.loads(line) for line in Path("spring.ndjson").read_text().splitlines()]
    document = json.loads(Path("spring.json").read_text())
    assert document == {"attendees": lines, "next": None, "sequence": 3}
    assert [line["email"] for line in lines] == ["ada@example.com", "bob@example.com", "eve@example.com"]


def test_standard_output_gets_the_file_alone(cli: Cli) -> None:
    make_people(cli)
    result = cli.run("attendees", "export", "--event", "spring", "--format", "ndjson", "--output", "-")
    assert [json.loads(line)["profile"]["firstName"] for line in result.stdout.splitlines()] == ["Ada", "Bob", "Eve"]
    assert list(Path().iterdir()) == []
    cli.run("attendees", "export", "--event", "spring", "--output", "-", "--json", code=2)


def test_a_file_that_was_exported_can_be_pushed_again(cli: Cli) -> None:
    make_people(cli)
    cli.run("attendees", "export", "--event", "spring")
    assert cli.json("push", "--event", "spring", "--source", "main", "spring.csv")["unchanged"] == 3


def test_where_no_file_can_be_it_says_so_and_what_to_do(cli: Cli) -> None:
    make_people(cli)
    cli.run("attendees", "export", "--event", "spring")
    assert "replace it with --force" in cli.error("attendees", "export", "--event", "spring")
    said = cli.error("attendees", "export", "--event", "spring", "--output", "nowhere/people.csv")
    assert "There is no folder" in said
    assert "choose another --output" in said
