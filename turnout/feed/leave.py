"""`DELETE {gateway}/attendees/{e-mail}`: the push that says that this source does not expect the person (C9).

It becomes the body that such a push has, so that it is stored, logged, repeated and replayed like any other.
"""

from typing import Any

import msgspec

from turnout import errors
from turnout.feed.authenticate import Gateway
from turnout.feed.intake import Request
from turnout.feed.reading import MAX_IDEMPOTENCY_KEY, Head

PREFIX = "attendees/"


def read_leaving(gateway: Gateway, head: Head, email: str) -> Request:
    """The request for whoever has this address, decoded from the path; `?thirdPartyId=` says who where several have.

    What is wrong with it is its `trouble`, as with any push: whoever has no good key does not learn of it (A4).
    """
    dry_run = False
    profile: dict[str, Any] = {"email": email}
    trouble = None
    try:
        head.expect_parameters(("dryRun", "thirdPartyId"))
        dry_run = head.flag("dryRun")
        third_party_id = head.text("thirdPartyId")
        if third_party_id and third_party_id.strip():
            profile["thirdPartyId"] = third_party_id
        if "\ufffd" in f"{email}{third_party_id}":
            raise errors.InvalidRequest("The address is not UTF-8 once its percent signs are decoded.")
        if head.idempotency_key is not None and len(head.idempotency_key) > MAX_IDEMPOTENCY_KEY:
            raise errors.InvalidRequest(f"An Idempotency-Key has at most {MAX_IDEMPOTENCY_KEY} characters.")
    except errors.TurnoutError as error:
        trouble = error.with_traceback(None)
    return Request(
        gateway=gateway,
        keys=tuple(head.keys),
        address=head.address,
        raw=b"" if trouble else msgspec.json.encode({"profile": profile, "eventInfo": {"attending": False}}),
        trouble=trouble,
        idempotency_key=head.idempotency_key,
        minimal=head.minimal,
        dry_run=dry_run,
    )
