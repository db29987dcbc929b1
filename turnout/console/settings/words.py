"""The settings in words, for whoever writes no code: what each decides, and what each choice makes of a push. Pure."""

from collections.abc import Mapping

import msgspec


class Words(msgspec.Struct, frozen=True):
    """One setting with choices."""

    title: str
    sentence: str
    choices: Mapping[str, str]
    """Each choice as the end of the title: `A field that comes as null` … `keeps its value`."""
    scene: str
    """What is before the example's push."""


POLICY = {
    "null": Words(
        "A field that comes as null",
        "Many systems send every field each time, and null where they know nothing.",
        {"keep": "keeps its value", "clear": "is emptied"},
        "Ada's title is CTO. Then this comes:",
    ),
    "blank": Words(
        "A field that comes blank",
        'An empty text, "": of most systems it means that somebody has emptied the field. Form tools send it for '
        "every box that was not touched.",
        {"clear": "is emptied", "keep": "keeps its value"},
        "Ada's title is CTO. Then this comes:",
    ),
    "groups": Words(
        "A list of groups",
        "A push can say which groups somebody is in. What it does not name stays, or goes.",
        {
            "source": "is all that this source says",
            "add": "only adds",
            "replace": "is final for everyone",
        },
        "The ticket shop has put Ada into Speakers, the CRM into Press. Then this comes from the ticket shop:",
    ),
    "lists": Words(
        "Several groups in one text",
        "Some tools cannot send a list, and put all groups into one text with a sign between them.",
        {"none": "are one group", ",": "are separated by commas", ";": "are separated by semicolons"},
        "Ada is in no group. Then this comes:",
    ),
    "status_codes": Words(
        "A push that is not valid",
        "Systems that send a push again after every 500, for days, stop when they are told what is wrong.",
        {"seed": "is always answered with 500", "precise": "is answered with a status that says why"},
        "Somebody sends what is no address:",
    ),
    "mode": Words(
        "Pushes",
        "While somebody connects a system, its pushes can be checked and answered without any effect.",
        {"live": "take effect", "rehearsal": "are a rehearsal"},
        "Ada's title is CTO. Then this comes:",
    ),
}
IDENTITY = Words(
    "A push is about whoever has",
    "Where people share an address, or change theirs, the ids that a source gives them tell who is who.",
    {"email": "its e-mail address", "third_party_id": "its source's id"},
    "The ticket shop has sent Ada with its id T-17. Then she comes with another address:",
)
HINTS = {
    ("null", "keep"): "What most systems mean, and the default.",
    ("null", "clear"): "For systems that send null only where somebody has emptied the field.",
    ("blank", "clear"): "The default.",
    ("blank", "keep"): "For form tools.",
    ("groups", "source"): "Each source has the say over the groups that it has put somebody in. The default.",
    ("groups", "add"): "Nobody is taken out of a group by a push.",
    ("groups", "replace"): "Groups that other sources have said are taken back too.",
    ("lists", "none"): "The default.",
    ("status_codes", "seed"): "The default.",
    ("status_codes", "precise"): "400, 413, 415, 422, 429 or 503.",
    ("mode", "live"): "The default.",
    ("mode", "rehearsal"): "They are checked, answered and listed, and change nobody.",
    ("identity", "email"): "The same address is the same person. The default.",
    ("identity", "third_party_id"): "The same id is the same person, and a new address of theirs takes the old one's "
    "place. Without an id the address decides.",
}
FIELDS = {
    "name": ("Name", "Shown here and to whoever you give a key."),
    "time_zone": ("Time zone", "Times are shown in it, and the event's last day ends at midnight there."),
    "ends_at": ("Last day", "When the event is over. What is erased so many days after counts from its end."),
    "purge_after": (
        "Days until everyone is erased",
        "So many days after the event's end every person is erased for good, with all that was said of them.",
    ),
    "keep_bodies": (
        "Days that bodies of pushes are kept",
        "What was sent, word by word. It is needed to look at a push that failed, and to replay it.",
    ),
    "host": (
        "Host name of its own",
        "Pushes can go to an address of your own, once its DNS leads here and there is a certificate for it.",
    ),
    "cors": (
        "Sites that may read",
        "Pages of these sites can read attendees, with a key that reads. Never put a key that pushes into a page.",
    ),
}
"""Settings that are typed: title, and what it is for."""
NAMES = {name: words.title for name, words in POLICY.items()} | {
    "identity": "Who a push is about",
    **{name: title for name, (title, _) in FIELDS.items()},
}
"""Of every setting, for messages."""


def find_words(setting: str) -> Words:
    return IDENTITY if setting == "identity" else POLICY[setting]
