"""The names of custom fields and groups against their spellings."""

from turnout.model.names import fold_case
from turnout.operations.verify.findings import Verifying


def check_names(verifying: Verifying) -> None:
    """Every name is found under its own spelling, and no spelling leads to nothing."""
    configuration = verifying.configuration
    for kind, names in (("custom field", configuration.custom_fields), ("group", configuration.groups)):
        for number, name in names.by_number.items():
            if names.by_spelling.get(fold_case(name.name)) != number:
                verifying.problem("lost_spelling", f"The {kind} {name.name} is not found under its own name.")
        for spelling, number in names.by_spelling.items():
            if number not in names.by_number:
                verifying.problem(
                    "lost_name", f"The spelling {spelling!r} leads to the {kind} {number}, which is not there."
                )
