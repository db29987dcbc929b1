"""How the installation is: whether it stores, where, what doctor finds, how people sign in."""

import asyncio
import os
import platform

from turnout.access import users
from turnout.console.page import Page, Visit
from turnout.downstream.exports.exporter import KEPT_US
from turnout.events import event
from turnout.feed.receipt import Answer
from turnout.model.event import DAY_US
from turnout.model.user import SESSION_IDLE_US, TOKENS_KEPT_US
from turnout.operations.doctor import diagnose
from turnout.operations.retention import KEEP_DELIVERIES_US


async def show_installation(visit: Visit) -> Answer:
    """What is known at once; what has to be looked for comes after it."""
    reason = await visit.product.health.check()
    return await asyncio.to_thread(_render, visit, reason)


def _render(visit: Visit, reason: str | None) -> Answer:
    database = visit.database
    return visit.render(
        "installation.html",
        reason=reason,
        kind="SQLite" if database.url.startswith("sqlite") else "PostgreSQL",
        place=database.place,
        size=database.size_bytes() if reason is None else None,
        workers=visit.product.workers,
        python=platform.python_version(),
        users=len(users.list_all(database)),
        events=len(event.list_all(database)),
        public_url=visit.product.public_url,
        issuer=visit.product.issuer,
        kept_hours=KEPT_US // (3_600 * 1_000_000),
        kept_days={
            "deliveries": KEEP_DELIVERIES_US // DAY_US,
            "sessions": SESSION_IDLE_US // DAY_US,
            "tokens": TOKENS_KEPT_US // DAY_US,
        },
    )


def show_checks(visit: Visit) -> Answer:
    """What `turnout doctor` finds, here in the server."""
    found = diagnose(os.environ)
    return visit.render("_checks.html" if visit.is_fragment else "checks.html", diagnosis=found)


async def show_sign_on(visit: Visit) -> Answer:
    """Whether the provider of the single sign-on answers as it should."""
    issuer = visit.product.issuer
    fault = None if issuer is None else await issuer.check()
    return visit.render("_sign_on.html" if visit.is_fragment else "sign_on.html", issuer=issuer, fault=fault)


pages = [
    Page("GET", "installation", "administrator", show_installation),
    Page("GET", "installation/checks", "administrator", show_checks),
    Page("GET", "installation/sign-on", "administrator", show_sign_on),
]
