"""What is said of a name that there is not: what was meant, and what there is, however much that is."""

from turnout.changes.meant import find_meant, tell_meant


def test_the_nearest_name_is_told_and_which_there_are() -> None:
    assert tell_meant("speekers", ["Crew", "Speakers"]) == 'Did you mean Speakers? There are: "Crew", "Speakers".'
    assert tell_meant("Nope", ["Press, TV", "Crew"]) == 'There are: "Press, TV", "Crew".'
    assert tell_meant("Nope", []).startswith("There is none yet")


def test_of_many_names_some_are_told_and_the_others_counted() -> None:
    told = tell_meant("group 7000", [f"Group {number}" for number in range(10_000)])
    assert told.endswith(', "Group 29" and 9,970 more.')
    assert find_meant("group 7", [f"Group {number}" for number in range(10_000)]) == "Group 7"


def test_a_long_name_is_cut() -> None:
    assert len(tell_meant("x" * 255, ["x" * 254])) < 200
