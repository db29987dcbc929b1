"""The names at a line: those that whoever was never behind has seen, however often they were given anew since."""

from hypothesis import given
from hypothesis import strategies as st

from turnout.changes.names_then import as_then
from turnout.model.change import Change, Entry
from turnout.model.event import Configuration, Event
from turnout.model.names import Name, Names, fold_case
from turnout.model.policy import Policy

KINDS = {"field_renamed": "custom_field_name", "group_renamed": "group_name"}
SPELLINGS = ("Diet", "Food", "diet", "Meal")


def make_rename(sequence: int, kind: str, number: int, old: str, new: str) -> Change:
    return Change(
        sequence=sequence,
        kind=kind,  # ty: ignore[invalid-argument-type]
        at=0,
        attendee_id=None,
        email=None,
        push_id=None,
        source_number=None,
        actor=None,
        true_at=0,
        entries=[Entry(KINDS[kind], number, old, new)],  # ty: ignore[invalid-argument-type]
    )


def make_configuration(spelled: dict[str, dict[int, str]]) -> Configuration:
    registries = []
    for names in spelled.values():
        by_number = {
            number: Name(id=f"id{number}", number=number, name=name, first_source=None, created_at=0)
            for number, name in names.items()
        }
        registries.append(Names(by_number, {fold_case(name): number for number, name in names.items()}))
    event = Event(id="evt", slug="conf", name="Conf", policy=Policy(), created_at=0)
    return Configuration(version=1, event=event, sources={}, keys={}, custom_fields=registries[0], groups=registries[1])


@given(
    steps=st.lists(
        st.none() | st.tuples(st.sampled_from(sorted(KINDS)), st.integers(1, 3), st.sampled_from(SPELLINGS)),
        max_size=30,
    ),
    first=st.integers(0, 30),
    limit=st.integers(1, 30),
)
def test_each_line_has_the_names_of_its_time(steps: list[tuple[str, int, str] | None], first: int, limit: int) -> None:
    """Each step is a line: None is about somebody, the others give a name, also one that another has been rid of."""
    spelled: dict[str, dict[int, str]] = {kind: {1: "One", 2: "Two", 3: "Three"} for kind in sorted(KINDS)}
    renames, at = [], []
    for sequence, step in enumerate(steps, 1):
        if step is not None:
            kind, number, new = step
            if fold_case(new) not in {fold_case(name) for one, name in spelled[kind].items() if one != number}:
                renames.append(make_rename(sequence, kind, number, spelled[kind][number], new))
                spelled[kind] = spelled[kind] | {number: new}
        at.append(dict(spelled))
    page = list(range(first + 1, min(first + limit, len(steps)) + 1))
    behind = [rename for rename in renames if rename.sequence > first]
    then = list(as_then(make_configuration(spelled), behind, page))
    assert len(then) == len(page)
    for sequence, its in zip(page, then, strict=True):
        for names, expected in zip((its.custom_fields, its.groups), at[sequence - 1].values(), strict=True):
            assert {number: names.spell(number) for number in names.by_number} == expected
            for number, name in expected.items():
                found = names.find(name)
                assert found is not None
                assert found.number == number


def test_without_new_names_nothing_is_copied() -> None:
    its = make_configuration({"field_renamed": {1: "Diet"}, "group_renamed": {}})
    assert all(then is its for then in as_then(its, [], [1, 2, 3]))
