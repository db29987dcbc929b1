"""Every code that an answer can carry, in words: errors, problems, warnings. The reference and the console say it."""

import re

import msgspec
from msgspec import UNSET

from turnout import errors
from turnout.model.receipt import Problem, Warning

ERRORS = errors.BY_CODE
"""The codes of whole answers."""

WHAT_HAPPENED: dict[str, str] = {
    "unauthorized": "No good key came with the request: it is missing, unknown, revoked, expired, of another event, "
    "of the "
    "wrong kind, or two different ones came at once; or the address belongs to no event. The answer is the same for "
    "every "
    "reason, so that nobody learns which (A2–A4). Nothing of the body was stored.",
    "sign_in_needed": "The page, or the address below /api/, is for people who are signed in, and nobody is: the "
    "session has ended, was ended elsewhere, or the token is unknown, revoked or expired.",
    "sign_in_failed": "Nobody has this address, the password is another one, or the user is disabled. The answer is "
    "the same for every reason, so that nobody learns who has an account.",
    "link_worthless": "The link was used, is over its time, was replaced by a newer one, or was never one.",
    "not_allowed": "Somebody is signed in, or his token is good, but his role is not enough for what was asked.",
    "form_too_old": "A form of the console came without the mark that its pages carry: another site sent it, or the "
    "browser has forgotten its cookies since the page was opened. Nothing was changed.",
    "single_sign_on_failed": "Somebody came back from the single sign-on with something that this browser did not ask "
    "for, that is over, or that is not the provider's for this installation; or the provider did not let them in.",
    "not_invited": "The single sign-on knows who somebody is, and nobody of them is a user here: no user came by it "
    "before, and none has the e-mail address that the provider says is theirs; or the user is disabled.",
    "wrong_scope": "The key is good, but for something else: push keys push, read keys read (A3).",
    "hidden_field": "The read key is limited to some fields, and the list would be filtered, searched or sorted by one "
    "that "
    "it does not see.",
    "not_found": "Nothing has this address, or the source has no push with this id.",
    "method_not_allowed": "The address is right, the method is not. The `Allow` header names those that are.",
    "invalid_request": "A query parameter or a header has a value that cannot be meant, or a parameter a name that is "
    "probably a slip; `detail` names it.",
    "cursor_beyond_head": "A follower asked for what came after a change that there is not. Either the number is of "
    "another event, or the event was restored from a backup that is older than it.",
    "not_acceptable": "The `Accept` header names no form that attendees are written in: JSON, NDJSON, CSV or XLSX.",
    "too_broad": "So few of so many attendees belong to the list that they were not found within two seconds. "
    "`detail` says which filters and order were combined.",
    "conflict": "What was asked for is there already, or stands against something that is.",
    "shared_address": "One attendee was asked for by an e-mail address that several have, which can be where the event "
    "goes by the sources' ids (C6). `detail` lists the ids.",
    "export_unfinished": "The file was asked for before the export was done, or the export has failed; its `reason` "
    "says why.",
    "export_gone": "The file was kept for 24 hours and is gone, or it was removed because somebody of the event was "
    "erased.",
    "no_such_range": "The `Range` header asks for bytes behind the end of the file.",
    "too_many_exports": "A key may have 10 exports waiting or being made, and 20 finished files, which stay for 24 "
    "hours or until they are deleted. `detail` says which of the two are too many.",
    "malformed_body": "The body could not be opened as one JSON object, as a form or, at the batch address, as a list "
    "of "
    "pushes (B1, E1). The one entry of `errors` says why.",
    "body_too_large": "The body is over the limit, as sent or once unpacked: 1 MiB for a push and 32 MiB for a batch, "
    "unless this server is set otherwise. The rest was not read (B6, E1).",
    "unsupported_encoding": "The `Content-Encoding` is neither gzip nor deflate (B1).",
    "slow_body": "The body did not arrive in time.",
    "invalid_push": "The body could be read, but what it says cannot take effect. `errors` lists every reason at "
    "once, in "
    "your own notation (D3). Nothing was changed; the push is kept, so that it can be looked at.",
    "invalid_batch": "The batch was sent with `atomic=true`, and at least one item is not valid; nothing of it took "
    "effect "
    "(E2). `errors` lists the problems, each with the `index` of its item.",
    "idempotency_key_reused": "The same `Idempotency-Key` came with another body in the last 24 hours (D6).",
    "storage_unavailable": "The database is away, full, locked or read-only. Where the way to it broke while it was "
    "storing, or a batch had begun, the answer's own `help` says that it may have been stored; what is sent again is "
    "recognised then.",
    "index_behind": "A list that is searched, or filtered or sorted by what is indexed, was asked for right after very "
    "many "
    "changes, or after an update of the program, and the index has to catch up first. `detail` says how far it is.",
    "queue_full": "More arrives at the moment than can be stored.",
    "too_many_pushes": "This source alone fills the queue; other sources are not held up by it.",
    "too_many_attempts": "After 5 wrong passwords for one account, or 20 from one address, each attempt has to wait "
    "longer, up to 15 minutes; or more people are signing in at this moment than there is memory for. What is tried "
    "meanwhile is not looked at, and does not make it longer.",
    "single_sign_on_away": "The provider of the single sign-on does not answer, or not as OpenID Connect asks for. The "
    "log says why.",
    "shutting_down": "The server is about to stop, usually to start again at once. The proxies that Turnout comes with "
    "say the same where no server answers them; then a push may have been stored.",
    "unexpected": "A mistake in Turnout. It was logged with the request's id.",
    "malformed_request": "What came is not an HTTP/1.1 request, or one that two readers could read in two ways.",
    "head_too_large": "Request line and headers are larger than 64 KiB, or there are more than 256 headers.",
    "slow_head": "Request line and headers did not arrive within 10 seconds.",
    "too_many_connections": "More connections are open than there is room for.",
}
"""When each error is the answer, for whoever meets it."""


class Explanation(msgspec.Struct, frozen=True):
    """What a code of a problem or a warning says, and what to do about it."""

    what: str
    cure: str


_WHOLE_BODY = {
    "empty_body": Explanation(
        "The request came without a body, or with white space alone (B1).",
        "Send one JSON object. In form tools look for a box named body, raw or payload, and set its type to JSON.",
    ),
    "not_utf8": Explanation(
        "The text is in another encoding than UTF-8, most often that of Windows PowerShell, or of Excel (B1, E1).",
        "Send UTF-8. In Windows PowerShell: `-ContentType 'application/json; charset=utf-8' -Body "
        "([Text.Encoding]::UTF8.GetBytes($json))`. In Excel: save as *CSV UTF-8 (comma delimited)*.",
    ),
    "invalid_json": Explanation(
        "The body is not JSON. The message names the line, the column and the slip that it probably is (B1).",
        "Let a library write the JSON instead of joining texts; where a template writes it, mend the place that is "
        "named.",
    ),
    "not_an_object": Explanation(
        "The body is JSON, but a list, a text or a number instead of an object (B1).",
        "Send one object for one attendee. Several at once go to `…/attendees/batch`.",
    ),
    "several_objects": Explanation(
        "More than one object came where one attendee is sent at a time (B1).",
        "Send each in a request of its own, or all of them to `…/attendees/batch`.",
    ),
    "too_deep": Explanation(
        "The JSON is nested deeper than 32 levels (B6).",
        "Send the attendee as the documentation shows it; nothing there is deeper than five levels.",
    ),
    "broken_encoding": Explanation(
        "The `Content-Encoding` header says that the body is packed, but it cannot be unpacked or breaks off (B1).",
        "Pack the whole body again, or send it as it is and without the header.",
    ),
    "invalid_form": Explanation(
        "The form breaks off, lacks its boundary, or has a part without a name (B1).",
        "Let your tool or library write the form and its `Content-Type` header.",
    ),
    "file_part": Explanation(
        "The form holds a file; only texts are read, and a file is refused rather than lost (B1).",
        "Leave the file out of what you send.",
    ),
    "too_many_fields": Explanation(
        "The push holds more than 25,000 fields and values, or the form more than 50,000 fields (B3).",
        "Send less of one attendee, and one attendee a push.",
    ),
    "not_a_batch": Explanation(
        "The body of a batch is neither an array, nor an object with a list `attendees`, nor lines of JSON, nor CSV; "
        "or it is a multipart form with the file in it (E1).",
        'Send `[…]`, `{"attendees": […]}`, one JSON object a line, or CSV whose first line names a known column. A '
        "file is the body itself: with curl `--data-binary @people.csv`, not `-F`.",
    ),
    "no_header": Explanation(
        "The first line of the CSV names no column that is known, or has lost its line break (E1).",
        "Begin with a line such as `email,firstName,lastName`. With curl send files with `--data-binary`.",
    ),
    "invalid_row": Explanation(
        "A row of the CSV has more or fewer cells than the header, has something in a column without a name, or a "
        "quotation mark in it is not closed (E1). Other rows are not affected.",
        "Mend the line that is named. A cell with a separator or a quotation mark in it stands in quotation marks, and "
        'the mark inside is written twice: `"5"" TV, black"`.',
    ),
    "too_many_items": Explanation(
        "The batch has more than 10,000 items, or is CSV that is more than 64 MiB once the name of its column stands "
        "beside every cell (E1).",
        "Send several batches.",
    ),
    "item_too_large": Explanation(
        "One item of the batch is larger than 1 MiB (B6, E1).", "Send less text of one attendee."
    ),
}

_ADDRESS = {
    "missing_email": Explanation(
        "There is no `profile.email`, or it is null or blank. It is the one field that is necessary (B7, C3).",
        'Send it as `"profile": {"email": "john.doe@example.com"}`, or flat as `"profile.email"`. Where your tool has '
        "it "
        "under another name, the message says which.",
    ),
    "invalid_email": Explanation(
        "The text in `profile.email` does not look like an address: a local part, one `@`, a domain (B7).",
        "Send the address alone, without a name, spaces or invisible characters pasted along with it.",
    ),
    "ambiguous_email": Explanation(
        "Several people have the address, and the push has no `thirdPartyId` that says which. This is only where the "
        "event goes by ids (C6).",
        "Send `profile.thirdPartyId` along, with DELETE as `?thirdPartyId=`. The message lists your own ids of these "
        "people.",
    ),
}

_PATHS = {
    "conflicting_values": Explanation(
        "The same path came twice with different values, perhaps in two spellings: `[0]` and `.0`, nested and flat "
        "(B2).",
        "Send it once. The message names both spellings.",
    ),
    "value_and_parent": Explanation(
        "A path has a value of its own and other paths below it; it can only be one of the two (B2).",
        "Leave one of them out.",
    ),
    "index_too_high": Explanation("An index is above 9,999 (B3).", "Count from 0, or send a shorter list."),
    "forbidden_character": Explanation(
        "A name or text holds U+0000 or half of a character, which cannot be kept (B6).", "Leave the character out."
    ),
}

_SHAPES = {
    "not_a_text": Explanation(
        "A list or an object stands where one text belongs (B4).",
        "Send the text itself. A custom field may have a list of texts as its value.",
    ),
    "object_expected": Explanation(
        "A text or a list stands where an object belongs, such as `profile` or a custom field (B2).",
        "Send it in the form that the message shows.",
    ),
    "list_expected": Explanation(
        "One value or an object stands where a list belongs: custom fields, groups or `clear` (B3, C5).",
        "Send a list, in the form that the message shows.",
    ),
    "missing_name": Explanation(
        "A custom field has a value, but no name (C4).", "Give the name as `fieldName` beside the `fieldValue`."
    ),
    "name_too_long": Explanation(
        "The name of a group or custom field has more than 255 characters, or a path more than 1,024 (B3).",
        "Send a shorter name.",
    ),
    "too_many_custom_fields": Explanation(
        "The push has more than 1,000 custom fields, or the event would have more than 2,000 (B3).",
        "Send them in several pushes, or use the custom fields that the event has.",
    ),
    "too_many_groups": Explanation(
        "The push names more than 1,000 groups, or the event would have more than 10,000 (B3).",
        "Name fewer groups, or use those that the event has.",
    ),
    "attendee_too_large": Explanation(
        "With this push the attendee would hold more than 1 MiB.", "Send less text, or clear fields that hold much."
    ),
}

_ROOT = {
    "invalid_attending": Explanation(
        "`eventInfo.attending` is neither true nor false (C9).", "Send `true` or `false`, or leave it out."
    ),
    "invalid_time": Explanation(
        "`observedAt` is not a time (D7).",
        "Send ISO 8601 with an offset, as in `2025-03-01T09:30:00+01:00`, or seconds or milliseconds since 1970.",
    ),
    "time_without_offset": Explanation(
        "`observedAt` is a date alone, or a time that does not say its offset from UTC (D7).",
        "Add the offset, as in `+01:00` or `Z`.",
    ),
    "unknown_path": Explanation(
        "`clear` names something that is no field (C3).",
        "Name fields of the profile as `profile.title`, custom fields as `profile.customFields.<name>`.",
    ),
    "cannot_be_cleared": Explanation(
        "`clear` names something that is never empty, or is emptied otherwise (C3).",
        'Groups are taken back with `"groupNames": []`, a person with `"attending": false`; an address can only be '
        "changed.",
    ),
    "set_and_cleared": Explanation(
        "A field is to be cleared and is given a value in the same push (C3).", "Leave one of the two out."
    ),
}

PROBLEMS: dict[str, dict[str, Explanation]] = {
    "The body as a whole": _WHOLE_BODY,
    "The address": _ADDRESS,
    "Paths": _PATHS,
    "Shapes and sizes": _SHAPES,
    "Beside the profile": _ROOT,
}
"""The codes in `errors[].code`: why a push failed. By what they are about."""

WARNINGS = {
    "unknown_field": Explanation(
        "The name is none of ours. What it holds is kept with the push and the attendee, but is not part of the "
        "profile "
        "(B5).",
        "Use the name in `suggestion`, if that is what was meant; a field of your own is best sent as a custom field.",
    ),
    "renamed_field": Explanation(
        "The name differs from a known one in case, `_`, `-` or spaces, and was taken as that one; where that one came "
        "too, it was left aside (B5).",
        "Spell it as `suggestion` does.",
    ),
    "placeholder_text": Explanation(
        "The text looks as if a value had not been filled in: `null`, `undefined`, `N/A`, `{{first_name}}`. It is "
        "stored "
        "(B4).",
        "Check what your tool or template fills in, and whether it should send nothing instead.",
    ),
    "duplicate_custom_field": Explanation(
        "A custom field is named twice in one push; the last value counts (C4).", "Send each name once."
    ),
    "shared_email": Explanation(
        "The address is known with another id of your source and another name: two people may share it. They were "
        "taken for one (C6).",
        "If they are two, ask the event's staff for `identity = third_party_id`; else send one id for one person.",
    ),
    "pinned": Explanation(
        "Staff have pinned the field: what is there stays, and the rest of the push takes effect (C7).",
        "Nothing, if they are right. Else tell them; once they unpin the field your next push counts.",
    ),
    "removed": Explanation(
        "Staff have removed the person: the push is applied, and they stay `withdrawn` until staff undo that (C10).",
        "Nothing, or take the person out of your own data too.",
    ),
    "staff_only_group": Explanation(
        "The group is marked staff only; pushes put nobody in or out of it (C5).",
        "Nothing, if that is as it should be. Else ask the event's staff to unmark the group.",
    ),
    "unsplit_groups": Explanation(
        "The groups came as one text with a comma or semicolon in it, and your source has no setting `lists`: it was "
        "taken as the name of one group (C5, E1).",
        "Nothing, if it is one. Else send a list, or ask the event's staff to set `lists=,` (or `lists=;`) for your "
        "source; in CSV columns named `groupNames[0]`, `groupNames[1]` do as well.",
    ),
    "older_than_current": Explanation(
        "The field holds a value that was true later than this push's `observedAt`, so it stays (D7).",
        "Nothing: late data arrived late. If it should have won, send it with the time at which it was true.",
    ),
    "observed_at_in_future": Explanation(
        "`observedAt` is more than five minutes ahead of our clock; it counts as now (D7).",
        "Set the clock of the machine that sends, and check the offset.",
    ),
}
"""The codes in `warnings[].code`: what was odd, and kept all the same."""


def find_explanation(code: str) -> tuple[str, Explanation] | None:
    """`problem` or `warning`, and what is said of it."""
    for explanations in PROBLEMS.values():
        if code in explanations:
            return "problem", explanations[code]
    return ("warning", WARNINGS[code]) if code in WARNINGS else None


def summarize(code: str) -> str | None:
    """What the code says, in a sentence for whoever has not sent it; None for one without a text."""
    found = find_explanation(code)
    if found is not None:
        return _RULES.sub("", found[1].what).replace("`", "").partition(". ")[0].rstrip(".") + "."
    return f"{ERRORS[code].title}." if code in ERRORS else None


class Told(msgspec.Struct, frozen=True):
    """One problem or warning, for somebody who has to do something about it."""

    code: str
    what: str
    """What happened here."""
    where: str
    """The path in the sender's own notation; empty where it is the body as a whole."""
    cure: str
    """What to do now."""
    general: str
    """What the code says wherever it stands, without the numbers of rules; empty for one without a text."""


def explain(noted: Problem | Warning) -> Told:
    """What, where, and what to do."""
    found = find_explanation(noted.code)
    general = "" if found is None else _RULES.sub("", found[1].what)
    if isinstance(noted, Problem):
        cure = noted.help
    elif noted.suggestion is not UNSET:
        cure = f"Send it as {noted.suggestion}, if that is what is meant."
    else:
        cure = _WITHOUT_SUGGESTION.get(noted.code, "" if found is None else _RULES.sub("", found[1].cure))
    return Told(noted.code, noted.message, noted.path, cure, general)


_WITHOUT_SUGGESTION = {"unknown_field": "A field of your own is best sent as a custom field."}
"""What to do where nothing looks like it."""
_RULES = re.compile(r" \([A-F][0-9]+(?:[,–] ?[A-F][0-9]+)*\)")
