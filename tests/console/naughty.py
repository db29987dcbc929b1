"""Texts that mean harm, and an installation that has them wherever one can be kept, sent as people do."""

import json
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from tests.console.signed_in import make_user
from tests.product import Product, TestedEvent
from turnout.access import links, sessions, tokens, users
from turnout.alerts import mail, watching, webhook
from turnout.alerts.look import look
from turnout.downstream.webhooks import endpoint
from turnout.errors import TurnoutError
from turnout.events import event as setting_up
from turnout.events import handouts, keys, names
from turnout.events.setup import get_configuration
from turnout.feed.configurations import Configurations
from turnout.model.attendee import PROFILE_FIELDS
from turnout.model.user import User
from turnout.now import now_us

HARM = "<script>naughty()</script>"
BREAKER = f"\"'`><img src=x onerror=naughty()>{HARM}{{{{7*7}}}}"
"""Out of whatever attribute or element it stands in: short enough for a name."""
NAUGHTY = (
    HARM,
    f"</script>{HARM}",
    f"</title></textarea></style></select></template></noscript></svg>{HARM}",
    BREAKER,
    "<img src=x onerror=naughty() data-naughty>",
    "<svg/onload=naughty()>",
    "<svg><animate onbegin=naughty() attributeName=x dur=1s></svg>",
    "<details open ontoggle=naughty()><summary>x</summary></details>",
    "<iframe srcdoc='<script>parent.naughty()</script>'></iframe>",
    '<math><mtext></table><mglyph><style><!--</style><img title="--><img src=1 onerror=naughty()>">',
    "<a href=javascript:naughty() data-naughty>Click</a>",
    "<form action=//naughty.example.org/><input name=password autofocus onfocus=naughty()></form>",
    "<base href=//naughty.example.org/>",
    "<meta http-equiv=refresh content='0;url=//naughty.example.org/'>",
    "<link rel=stylesheet href=//naughty.example.org/x.css><style>*{background:url(//naughty.example.org/y)}</style>",
    "<object data=//naughty.example.org/></object><embed src=//naughty.example.org/>",
    "<hx-partial hx-target='#content'><b data-naughty>Gone</b></hx-partial>",
    "<div hx-get=/console/account hx-trigger=load hx-on:htmx:load=naughty() data-naughty></div>",
    '" onmouseover=naughty() onfocus=naughty() autofocus hx-on:click="naughty()" x="',
    "' onfocus=naughty() autofocus style='position:fixed;inset:0' x='",
    "javascript:naughty()",
    "JaVaScRiPt://%0Anaughty()",
    "data:text/html,<script>naughty()</script>",
    "//naughty.example.org/x",
    "https://naughty.example.org/?x=<b>",
    "../../../naughty?x#y",
    "{{7*7}}${7*7}#{7*7}<%= 7*7 %>{% raw %}{{ ''.__class__ }}",
    "&lt;b data-naughty&gt;entity&lt;/b&gt; &#60;b&#62; &amp;amp; &quot;",
    "%3Cscript%3Enaughty()%3C/script%3E",
    r"\u003cscript\u003enaughty()\u003c/script\u003e \x3cb\x3e \"",
    "+ADw-script+AD4-naughty()+ADw-/script+AD4-",
    "＜script＞naughty()＜/script＞",
    "<!--",
    "--><![CDATA[ ]]><?xml version='1.0'?>",
    "=1+cmd|' /C calc'!A0",
    "@SUM(1+1)",
    "-1+1",
    "+1-1",
    "\u202egnp.exe\u2066",
    "a\u200bb\u200dc\ufeffd\u2060e\u00adf",
    "a\x01b\x08c\x0bd\x0ce\x1b[31mf\x1cg\x1fh\x7fi\x85j",
    "a\u2028naughty()\u2029b",
    "العربية עברית 中文 Ÿ👩‍👩‍👧‍👦 Z̸̢̛͇͖a̷͓l̸g̸o̷",
    "Ã¼ â€œ \ufffd \ufffe",
    "naughty" * 36,
    "n" * 3_000,
)
SHORT = tuple(one for one in NAUGHTY if len(one) <= 255)
FEW = tuple(NAUGHTY[number] for number in (0, 2, 3, 16, 18, 19, 20, 23, 26, 27, 32, 34, 38, 40, 44))
"""One of each kind, of what there are lists of."""
PRINTABLE = tuple(one for one in FEW if one.isprintable())
ADDRESS = '"<img/src=x/onerror=naughty()>\'{{7*7}}"@example.org'
"""As RFC 5322 lets a local part be."""


class Filled(msgspec.Struct, frozen=True):
    """Where to look, and what has to be there."""

    event: TestedEvent
    administrator: User
    ways: list[str]
    """Pages below /console/ that nothing leads to, and those that have most."""
    shown: dict[str, Sequence[str]]
    """The texts that have to be on one of the pages with this path."""


def fill(product: Product) -> Filled:
    """Everything in the installation is called so, and something is wrong with all of it."""
    database = product.server.database
    mallory = make_user(database, name=BREAKER, email="mallory@example.org")
    event = _make_event(product, BREAKER)
    for text in FEW[:8]:
        _make_event(product, text)
    for text in FEW:
        keys.create(database, event.id, label=text)
    rehearsing, _ = handouts.create(database, event.id, f"{HARM} rehearses", "n8n", label=BREAKER)
    handouts.take_key(database, rehearsing)
    outs = [handouts.create(database, event.id, text, "curl", label=text, mode="live")[1] for text in PRINTABLE[:4]]
    people, failed = _push(event)
    keys.create(database, event.id, label=BREAKER, scope="read", groups=[BREAKER], fields=[BREAKER])
    _be_refused(event)
    hooks = list(_add_webhooks(event))
    _add_alerts(event, mallory)
    _add_people(product, mallory)
    invited = links.invite(database, product.server.url, ADDRESS.replace("org", "net"), name=BREAKER).url
    names.rename(database, event.id, "group", SHORT[2], f"{HARM} once more", actor=mallory.email)
    way = f"events/{event.slug}"
    full = f"{way}/attendees/{people[0]}"
    return Filled(
        event,
        mallory,
        [
            full,
            *(f"{way}/pushes/{push}" for push in failed),
            *(f"h/{link}{ending}" for link in outs[:2] for ending in ("", "/key", "/csv", "/files/n8n?tool=n8n")),
            f"{way}/pushes?q={quote(BREAKER)}&result=failed&path={quote(BREAKER)}&code={quote(HARM)}",
            f"{way}/attendees?q={quote(BREAKER)}&group={quote(BREAKER)}&field={quote(BREAKER)}&value={quote(BREAKER)}",
            f"{way}/pushes/replays",
            f"{way}/connect/sources/{rehearsing.source_number}",
            "",
            "installation/sign-on",
            f"{way}/settings/names?kind=fields&q={quote(HARM)}",
            f"new-event/address?name={quote(BREAKER)}",
            f"sign-in?to={quote(BREAKER)}",
            f"single-sign-on?to={quote(BREAKER)}",
            f"single-sign-on/back?state={quote(BREAKER)}&code={quote(BREAKER)}&error={quote(BREAKER)}",
            f"search?q={quote(HARM)}",
            f"{invited.partition('/console/')[2]}",
            f"{invited.partition('/console/')[2]}/single-sign-on",
            f"link/{quote(BREAKER, safe='')}",
            f"h/{quote(BREAKER, safe='')}",
            f"events/{quote(BREAKER, safe='')}",
            f"events/{quote(BREAKER, safe='')}/pushes",
            f"{way}/attendees/{quote(BREAKER, safe='')}",
            f"{way}/pushes/{quote(BREAKER, safe='')}",
            f"{way}/connect/sources/{quote(BREAKER, safe='')}",
            quote(BREAKER, safe=""),
        ],
        {
            "events/{event}/attendees/{attendee}": NAUGHTY,
            "events/{event}/settings/names": SHORT,
            "events/{event}/connect": FEW,
            "events": FEW[:8],
            "installation/users": PRINTABLE,
            "account": PRINTABLE,
            "events/{event}/settings/webhooks": hooks,
        },
    )


def _make_event(product: Product, name: str) -> TestedEvent:
    database = product.server.database
    made, key = setting_up.create(database, name, setting_up.find_free_slug(database, "naughty"))
    product.events.append(TestedEvent(product, made.id, made.slug, key))
    return product.events[-1]


def _push(event: TestedEvent) -> tuple[list[str], list[str]]:
    """Whoever has all of it, then one with each; and the pushes that fail, each for another reason."""
    bodies: list[dict[str, Any]] = [_make_body(number) for number in range(0, len(NAUGHTY), 5)]
    bodies[0]["profile"]["customFields"] = [
        {"fieldName": name, "fieldValue": [value, name]}
        for name, value in zip(SHORT, _turned(NAUGHTY, 7), strict=False)
    ]
    bodies[0]["eventInfo"] = {"groups": {"groupNames": list(SHORT)}}
    bodies[0]["profile"] |= {name: {value: [value]} for name, value in zip(SHORT, _turned(SHORT, 3), strict=True)}
    bodies[0] |= {"thirdPartyId": BREAKER, HARM: BREAKER}
    people = [event.push_ok(body)["attendee"]["id"] for body in bodies]
    event.push_ok({"profile": {"email": ADDRESS, "firstName": BREAKER}})
    event.push_ok(_make_body(0), path="/attendees?dryRun=true")
    wrong: list[bytes | str] = [
        *(json.dumps({"profile": {"email": one}}) for one in FEW),
        *(one.encode() for one in FEW[:4]),
        json.dumps({"profile": {"email": "a@example.org", "title": {HARM: BREAKER}, "customFields": BREAKER}}),
        json.dumps({"profile": {"email": "a@example.org"}, "observedAt": HARM, "clear": [BREAKER, *SHORT]}),
        json.dumps({"profile": {"email": "a@example.org"}, "eventInfo": {"attending": BREAKER}}),
        f'{{"profile": {{"email": {HARM}, "title": "{HARM}"',
        f"profile[email]={quote(BREAKER)}&{quote(HARM)}={quote(BREAKER)}",
        HARM.encode("utf-16"),
        b'{"profile": {"email": "\xfc<script>naughty()</script>"}}',
    ]
    failed = [event.send(body).json()["id"] for body in wrong]
    event.batch(f'email,{HARM},"{BREAKER.replace(chr(34), 2 * chr(34))}"\n{HARM},{HARM},{HARM}\n')
    return people, [one for one in failed if one][-7:]


def _make_body(number: int) -> dict[str, Any]:
    texts = _turned(NAUGHTY, number)
    profile = {field: next(texts) for field in PROFILE_FIELDS if field != "email"}
    return {"profile": {**profile, "email": f"naughty{number}@example.org"}}


def _turned(texts: Sequence[str], by: int) -> Iterator[str]:
    """So that each has its turn in each place."""
    return iter([*texts[by % len(texts) :], *texts[: by % len(texts)]])


def _be_refused(event: TestedEvent) -> None:
    """Wrong keys of all kinds, in the header and in the body, and a program with a name."""
    for text in NAUGHTY[:4]:
        headers = {"User-Agent": text, "Content-Type": text}
        event.push({"key": text, "profile": {"email": text}}, key=None, headers=headers)
        event.push({}, key=text, headers=headers)
        event.push({}, key=f"trn_{text}_{text}")
    event.push({}, key=f"{event.key[:-4]}{HARM}")
    event.product.client.post(f"{event.gateway}/{quote(BREAKER, safe='')}", content=BREAKER)


def _add_webhooks(event: TestedEvent) -> Iterator[str]:
    """Those addresses that can be one, and why they are switched off; gives the addresses."""
    configuration = get_configuration(event.database, event.slug)
    for text in PRINTABLE:
        try:
            issued = endpoint.create(event.database, configuration, f"https://hooks.example.org/?{text}")
        except TurnoutError:
            continue
        endpoint.pause(event.database, issued.webhook.id, text)
        yield issued.webhook.url


def _add_alerts(event: TestedEvent, mallory: User) -> None:
    """Whatever is wrong with all of it is told, where it is posted to, and by which mail server, which there is not."""
    watching.follow(event.database, event.id, mallory.id)
    webhook.put_webhook(event.database, event.id, f"https://hooks.example.org/?{quote(HARM)}")
    mail.change(
        event.database,
        host="127.0.0.1",
        port=1,
        security="none",
        user_name=HARM,
        password=HARM,
        sender="turnout@example.org",
        sender_name=HARM,
    )
    look(event.database, Configurations(event.database), event.id, now_us())


def _add_people(product: Product, mallory: User) -> None:
    database = product.server.database
    make_user(database, "viewer", email=ADDRESS, name=HARM)
    for text in PRINTABLE:
        make_user(database, "viewer", name=text)
        tokens.create(database, mallory.id, text)
    for text in FEW:
        sessions.begin(database, mallory.id, "192.0.2.1", text)
    users.rename(database, mallory.id, BREAKER)
