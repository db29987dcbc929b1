"""What a page has to work with."""

from typing import Any

import pytest

from turnout.console.page import Template, Visit


def test_what_a_template_shows_cannot_be_taken_for_the_answers_status_or_headers() -> None:
    product: Any = type("Product", (), {"database": None})()
    visit = Visit(
        product,
        Template("none", lambda name, **shown: f"{name}: {shown['said']}"),
        path="console/none",
        address="",
        user=None,
        session=None,
        configuration=None,
        places={},
        query={},
    )
    assert visit.render("show.html", status=404, said="nothing").status == 404
    for shown in ({"status": "attending"}, {"headers": ["E-mail", "Status"]}):
        wrong: dict[str, Any] = shown
        with pytest.raises(TypeError, match="call what the template shows otherwise"):
            visit.render("show.html", said="nothing", **wrong)
