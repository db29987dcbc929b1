"""How events do, what is found by a search, and the installation, over /api/."""

from tests.api.caller import make_caller
from tests.product import Product, TestedEvent
from turnout import __version__
from turnout.access import links
from turnout.recipes import list_recipes


def fill(product: Product) -> TestedEvent:
    event = product.make_event()
    groups = {"groups": {"groupNames": ["Crew"]}}
    profile = {"email": f"ada@{event.slug}.example.org", "firstName": "Ada", "frist_name": "Ada"}
    event.push_ok({"profile": profile, "eventInfo": groups})
    event.push_failed({"profile": {"email": "no address"}})
    return event


def test_vital_signs_tell_of_pushes_people_and_sources(product: Product) -> None:
    event = fill(product)
    viewer, way = make_caller(product, "viewer", event, sees_personal=False), f"events/{event.slug}"
    signs = viewer.ask("GET", f"{way}/signs", period="1h")
    assert (signs["activity"]["pushes"], signs["activity"]["failed"], signs["attending"]) == (2, 1, 1)
    assert len(signs["activity"]["starts"]) == 6
    [source] = signs["sources"]
    assert (source["number"], source["pushes"], source["rhythm"]) == (1, 2, None)
    [row] = [one for one in viewer.ask("GET", "activity")["items"] if one["slug"] == event.slug]
    assert (row["pushes"], row["failed"], sum(row["hourly"])) == (2, 1, 2)
    assert viewer.fail("GET", f"{way}/signs", period="2h")[0] == 400


def test_findings_tell_what_is_odd(product: Product) -> None:
    event = fill(product)
    event.push({"profile": {"email": "ada@example.org"}}, key="wrong")
    product.server.end_turns()
    found = make_caller(product, "viewer", event).ask("GET", f"events/{event.slug}/findings")
    [unknown] = found["unknownFields"]
    assert (unknown["path"], unknown["suggestion"]) == ("profile.frist_name", "profile.firstName")
    assert [(one["kind"], one["name"], one["source"]) for one in found["newNames"]] == [("group", "Crew", 1)]
    assert found["missingFields"] == []


def test_a_search_finds_events_people_and_pushes_that_the_caller_may_see(product: Product) -> None:
    event, other = fill(product), fill(product)
    viewer = make_caller(product, "viewer", event)
    product.server.end_turns()
    found = viewer.ask("GET", "search", q=f"ada@{event.slug}.example.org")
    [person] = found["people"]
    assert (person["event"], person["name"]) == (event.slug, "Ada")
    [push] = found["pushes"]
    assert (push["event"], push["result"], push["email"]) == (event.slug, "created", person["email"])
    assert viewer.ask("GET", "search", q=f"ada@{other.slug}.example.org")["people"] == []
    assert viewer.ask("GET", "search", q=push["id"])["pushes"] == [push]
    assert [one["slug"] for one in viewer.ask("GET", "search", q=event.slug)["events"]] == [event.slug]
    masked = make_caller(product, "viewer", event, sees_personal=False)
    hidden = masked.ask("GET", "search", q=f"ada@{event.slug}.example.org")
    assert (hidden["people"], hidden["pushes"]) == ([], [])
    [by_id] = masked.ask("GET", "search", q=person["id"])["people"]
    assert (by_id["name"], by_id["email"]) == ("A…", "a…@t…")
    assert masked.ask("GET", "search", q=push["id"])["pushes"][0]["email"] == "a…@t…"
    assert viewer.fail("GET", "search")[0] == viewer.fail("GET", "search", q="a" * 201)[0] == 400


def test_the_installation_tells_how_it_is(product: Product) -> None:
    admin = make_caller(product)
    shown = admin.ask("GET", "installation")
    assert (shown["version"], shown["isStoring"], shown["reason"]) == (__version__, True, None)
    assert shown["database"] in ("SQLite", "PostgreSQL")
    checks = admin.ask("GET", "installation/checks")
    assert {one["state"] for one in checks["checks"]} <= {"ok", "warning", "problem", "not checked"}
    assert admin.ask("GET", "installation/sign-on")["issuer"] is None


def test_a_recipe_is_written_for_a_source_and_has_no_key(product: Product) -> None:
    event = fill(product)
    manager = make_caller(product, "manager", event)
    tools = [one["name"] for one in manager.ask("GET", "tools")["items"]]
    assert tools == [one.name for one in list_recipes()]
    for tool in tools:
        recipe = manager.ask("GET", f"events/{event.slug}/sources/1/recipes/{tool}")
        assert recipe["address"].endswith(f"/e/{event.slug}/attendees")
        assert event.key not in str(recipe)
        assert "Crew" in str(recipe)
    assert manager.fail("GET", f"events/{event.slug}/sources/1/recipes/abacus")[0] == 404


def test_who_calls_changes_name_and_password_and_signs_browsers_out(product: Product) -> None:
    admin = make_caller(product)
    made = admin.ask("POST", "invitations", {"email": f"{admin.token}@example.org"[-60:], "role": "viewer"})
    links.accept(product.server.database, made["link"].rpartition("/")[2], "Ann", "a long enough sentence")
    [ann] = [one for one in admin.ask("GET", "users")["items"] if one["email"] == made["invitation"]["email"]]
    assert admin.ask("PATCH", "me", {"name": "Root"})["name"] == "Root"
    assert admin.fail("PATCH", "me", {"name": " "})[0] == 400
    wish = {"present": "something else", "password": "another long sentence"}
    assert admin.fail("POST", "me/password", wish)[:2] == (400, "invalid_request")
    assert ann["role"] == "viewer"
    assert admin.user is not None
    lines = admin.ask("GET", "audit", user=admin.user.id, event="")["items"]
    assert {(one["action"], one["outcome"]) for one in lines} >= {
        ("account.rename", "done"),
        ("account.password", "refused"),
    }
    assert "sentence" not in str(lines)
