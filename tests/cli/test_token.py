"""`turnout token`."""

from tests.cli.conftest import Cli


def test_the_first_key_is_made_by_rotating_and_the_next_one_waits(cli: Cli) -> None:
    cli.make_event()
    assert cli.json("token", "keys", "--event", "spring") == {"signingKeys": []}
    assert "first token" in cli.text("token", "keys", "--event", "spring")
    (first,) = cli.json("token", "rotate", "--event", "spring")["signingKeys"]
    assert (first["state"], first["retiredAt"]) == ("signs", None)
    former, next_ = cli.json("token", "rotate", "--event", "spring")["signingKeys"]
    assert (former["id"], former["state"], next_["state"]) == (first["id"], "signs", "next")
    assert former["retiredAt"] > former["createdAt"]
    assert cli.json("token", "keys", "--event", "spring")["signingKeys"] == [former, next_]
    shown = cli.text("token", "keys", "--event", "spring")
    assert first["id"] in shown
    assert "next" in shown


def test_keys_are_replaced_at_once_when_somebody_says_yes(cli: Cli) -> None:
    cli.make_event()
    (first,) = cli.json("token", "rotate", "--event", "spring")["signingKeys"]
    cli.run("token", "rotate", "--event", "spring", "--at-once", stdin="n\n", code=1)
    assert cli.json("token", "keys", "--event", "spring")["signingKeys"] == [first]
    (second,) = cli.json("token", "rotate", "--event", "spring", "--at-once", "--yes")["signingKeys"]
    assert second["id"] != first["id"]
    assert second["state"] == "signs"


def test_no_secret_is_shown(cli: Cli) -> None:
    cli.make_event()
    (key,) = cli.json("token", "rotate", "--event", "spring")["signingKeys"]
    assert key.keys() == {"id", "state", "createdAt", "retiredAt"}
