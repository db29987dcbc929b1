"""Zapier: the step *Webhooks by Zapier*, row by row."""

from turnout.recipes.recipe import (
    ALL_GROUPS,
    NO_EMAIL,
    RECEIPT,
    WRONG_KEY,
    Recipe,
    Target,
    Written,
    flat,
    say,
    step,
    unsendable,
)


def write(target: Target) -> Written:
    return Written(
        steps=(
            step(
                "In your Zap, add the action {} with the event {}. It needs a paid plan.", "Webhooks by Zapier", "POST"
            ),
            step(
                "Fill it in like this.",
                fields=[
                    ("URL", target.address),
                    ("Payload Type", "Json"),
                    ("Wrap Request In Array", "No"),
                    ("Unflatten", "No"),
                    ("Header: Api-Key", target.key),
                ],
            ),
            step(
                "Under {}, add a row for each of these: on the left the name as it stands here, on the right the field "
                "of your trigger. The names of custom fields are typed, their values are mapped.",
                "Data",
                fields=flat(target),
            ),
            step("Take out the rows that your trigger has nothing for. Press {}.", "Test step"),
        ),
        expect=RECEIPT,
        mistakes=(
            say(
                "The rows are called {} in place of {}: the path in front is part of the name.",
                "email",
                "profile.email",
            ),
            say(
                "{}: a header {} was added, and a run was replayed after the step had been changed. Leave that header "
                "out while you set things up.",
                "idempotency_key_reused",
                "Idempotency-Key",
            ),
            say(
                "With {} somebody's quotation mark breaks the body. {} puts it right by itself.",
                "Custom Request",
                "POST",
            ),
            *unsendable(target),
            WRONG_KEY,
            NO_EMAIL,
            ALL_GROUPS,
        ),
    )


recipe = Recipe(
    name="zapier",
    title="Zapier",
    kind="steps",
    settings={"lists": ",", "blank": "keep", "status_codes": "precise"},
    format="flat",
    write=write,
)
