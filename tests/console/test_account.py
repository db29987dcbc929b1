"""What somebody changes of themselves: name, password, the browsers and programs that are signed in for them."""

import pytest

from tests.access.conftest import HASHED, PASSWORD
from tests.console.conftest import SignIn
from tests.console.signed_in import Visitor, make_user
from tests.product import Product
from turnout.access import sessions, tokens, users
from turnout.console.account.browsers import name_browser
from turnout.now import now_us


def find_token(text: str) -> str:
    return text.partition('<code id="token"')[2].partition(">")[2].partition("<")[0]


def test_a_name_is_changed(product: Product, sign_in: SignIn) -> None:
    visitor = sign_in("viewer")
    assert visitor.user is not None
    page = visitor.follow(visitor.post("account/name", name="  Ann <b>Example  "))
    assert "Ann &lt;b&gt;Example" in page.text
    assert users.get(product.server.database, visitor.user.id).name == "Ann <b>Example"
    answer = visitor.post("account/name", name=" ")
    assert answer.status_code == 400
    assert "A name has 1 to 255 characters" in answer.text


def test_a_password_is_changed_by_who_knows_the_present_one_and_other_browsers_are_out(product: Product) -> None:
    user = make_user(product.server.database, password=HASHED)
    new = "a whole new sentence"
    with Visitor(product, user) as here, Visitor(product, user) as there:
        for present, password, again, said in [
            ("not it", new, new, "present password is another one"),
            (PASSWORD, new, "something else", "two passwords differ"),
            (PASSWORD, "short", "short", "at least 10"),
        ]:
            answer = here.post("account/password", present=present, password=password, again=again)
            assert answer.status_code == 400
            assert said in answer.text
        assert there.get("account").status_code == 200
        page = here.follow(here.post("account/password", present=PASSWORD, password=new, again=new))
        assert "Your password is changed" in page.text
        assert there.get("account").status_code == 303
        assert there.post("sign-in", email=user.email, password=PASSWORD).status_code == 401
        assert there.post("sign-in", email=user.email, password=new).status_code == 303


def test_who_guesses_the_present_password_has_to_wait(product: Product) -> None:
    user = make_user(product.server.database, password=HASHED)
    statuses: list[int] = []
    with Visitor(product, user) as visitor:
        # Each one more waits twice as long: some guess comes too early, however long this machine takes for one.
        while len(statuses) < 20 and 429 not in statuses:
            answer = visitor.post("account/password", present="not it", password=PASSWORD, again=PASSWORD)
            statuses.append(answer.status_code)
    assert statuses[:5] == [400] * 5
    assert statuses[-1] == 429


def test_sessions_are_listed_and_ended_one_or_all_others(product: Product) -> None:
    user = make_user(product.server.database)
    with Visitor(product, user) as here, Visitor(product, user) as second, Visitor(product, user) as third:
        assert here.get("account").text.count("this browser") == 1
        assert second.cookie is not None
        way = f"account/sessions/{second.cookie.partition('.')[0]}/end"
        assert "signed out" in here.follow(here.post(way)).text
        assert second.get("account").status_code == 303
        assert here.post(way).status_code == 404
        assert third.get("account").status_code == 200
        assert "1 other browser is signed out" in here.follow(here.post("account/sessions/end-others")).text
        assert (here.get("account").status_code, third.get("account").status_code) == (200, 303)


def test_nobody_ends_the_sessions_or_tokens_of_others(product: Product, sign_in: SignIn) -> None:
    ann, mallory = sign_in("viewer"), sign_in()
    assert ann.cookie is not None
    assert ann.user is not None
    issued = tokens.create(product.server.database, ann.user.id, "Mine")
    assert mallory.post(f"account/sessions/{ann.cookie.partition('.')[0]}/end").status_code == 404
    assert mallory.get(f"account/tokens/{issued.token.id}/revoke").status_code == 404
    assert mallory.post(f"account/tokens/{issued.token.id}/revoke").status_code == 404
    assert ann.get("account").status_code == 200
    assert tokens.find(product.server.database, issued.text) is not None


def test_a_token_is_shown_once_and_good_until_it_is_revoked(product: Product, sign_in: SignIn) -> None:
    visitor = sign_in("viewer")
    assert visitor.user is not None
    page = visitor.post("account/tokens", token_name="Report", expires="30")
    text = find_token(page.text)
    assert tokens.find(product.server.database, text) == users.get(product.server.database, visitor.user.id)
    (token,) = tokens.list_of(product.server.database, visitor.user)
    assert token.expires_at is not None
    assert token.expires_at - now_us() == pytest.approx(30 * 86_400_000_000, rel=0.01)
    listed = visitor.get("account").text
    assert "Report" in listed
    assert text not in listed
    way = f"account/tokens/{token.id}/revoke"
    assert "refused from then on" in visitor.get(way).text
    assert "Report is revoked" in visitor.follow(visitor.post(way)).text
    assert tokens.find(product.server.database, text) is None
    assert visitor.post(way).status_code == 404


@pytest.mark.parametrize(("name", "expires"), [("", "30"), ("Report", "7000"), ("Report", "-1"), ("Report", "x")])
def test_a_token_that_cannot_be_is_not_made(sign_in: SignIn, name: str, expires: str) -> None:
    answer = sign_in("viewer").post("account/tokens", token_name=name, expires=expires)
    assert answer.status_code == 400
    assert 'aria-invalid="true"' in answer.text


def test_who_signs_in_elsewhere_has_no_password_to_change(product: Product, sign_in: SignIn) -> None:
    visitor = sign_in("viewer")
    assert "You have none" in visitor.get("account").text
    assert visitor.post("account/password", present="", password=PASSWORD, again=PASSWORD).status_code == 400
    assert visitor.user is not None
    assert len(sessions.list_of(product.server.database, visitor.user)) == 1


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        (
            "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0",
            "Edge on Windows",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Safari/604.1",
            "Safari on iPhone",
        ),
        ("curl/8.5.0", "curl"),
        ("<script>", "Unknown browser"),
        ("", "Unknown browser"),
    ],
)
def test_browsers_are_named_as_people_know_them(sent: str, name: str) -> None:
    assert name_browser(sent) == name
