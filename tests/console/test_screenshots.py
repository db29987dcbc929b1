"""`make screenshots`, and the few pictures that the docs show."""

import re
import struct
from pathlib import Path

from click.testing import CliRunner

from screenshots.__main__ import main
from screenshots.pages import list_routes

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "docs/pictures"
MOST, MOST_BYTES = 5, 60_000


def test_the_command_takes_a_page_wide_and_narrow_light_and_dark(tmp_path: Path) -> None:
    run = CliRunner().invoke(main, ["--data", "begun", "--folder", str(tmp_path), "account"])
    assert run.exit_code == 0, run.output
    widths = {path.name: struct.unpack(">I", path.read_bytes()[16:20])[0] for path in tmp_path.iterdir()}
    assert widths == {
        "account-1440-light.png": 1440,
        "account-1440-dark.png": 1440,
        "account-390-light.png": 390,
        "account-390-dark.png": 390,
    }


def test_pages_are_those_of_the_route_table_without_what_answers_with_a_part_of_one() -> None:
    routes = list_routes()
    assert {"events", "events/{event}", "events/{event}/pushes/{push}", "h/{link}", "sign-in"} <= set(routes)
    assert [one for one in routes if one.endswith("/live")] == []


def test_pictures_in_the_docs_are_few_and_small_and_each_is_shown_with_a_text_for_who_cannot_see_it() -> None:
    pictures = {path.name: path.stat().st_size for path in PICTURES.iterdir()}
    assert 0 < len(pictures) <= MOST
    assert {name: size for name, size in pictures.items() if size > MOST_BYTES} == {}
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    shown = {name for page in pages for name in re.findall(r"pictures/([\w-]+\.webp)", page.read_text())}
    assert shown == set(pictures)
    bare = [page.name for page in pages if re.search(r'!\[\]\(|<img(?![^>]*alt="[^"]{10})', page.read_text())]
    assert bare == []
