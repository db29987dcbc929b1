"""PHP, with nothing but PHP itself."""

from turnout.recipes.quoting import fill, php, shell
from turnout.recipes.recipe import (
    ALL_GROUPS,
    NO_EMAIL,
    RECEIPT,
    WRONG_KEY,
    Recipe,
    Snippet,
    Target,
    Written,
    say,
    step,
)

FILE = "push_attendee.php"


def write(target: Target) -> Written:
    fields = "".join(
        f"            ['fieldName' => {php(name)}, 'fieldValue' => {php(value)}],\n"
        for name, value in target.shown_fields
    )
    groups = "".join(f"        {php(name)},\n" for name in target.shown_groups)
    code = fill(_CODE, address=php(target.address), fields=fields, groups=groups)
    return Written(
        steps=(
            step("Save this as {}. It needs PHP 7.3 or later.", FILE, snippet=Snippet("php", code, FILE)),
            step(
                "Run it. The key comes from the environment, so that it does not stand in the program; on a web server "
                "set it there (in Apache {}).",
                f"SetEnv TURNOUT_KEY {target.key}",
                snippet=Snippet("bash", f"TURNOUT_KEY={shell(target.key)} php {FILE}"),
            ),
            step("Call {} for each person; what is {} keeps its value.", "push_attendee", "null"),
        ),
        expect=RECEIPT,
        mistakes=(
            say(
                "Names come with question marks, or {}: the text is not UTF-8. Give the database's connection {}, or "
                "convert it with {}.",
                "Malformed UTF-8 characters",
                "charset=utf8mb4",
                "mb_convert_encoding",
            ),
            WRONG_KEY,
            NO_EMAIL,
            ALL_GROUPS,
        ),
    )


_CODE = """\
<?php
function push_attendee(array $push): array
{
    $context = stream_context_create(['http' => [
        'method' => 'POST',
        'header' => [
            'Api-Key: ' . getenv('TURNOUT_KEY'),
            'Content-Type: application/json',
        ],
        'content' => json_encode($push, JSON_THROW_ON_ERROR),
        'timeout' => 30,
        'ignore_errors' => true, // so that you can read what an error says
    ]]);
    $answer = file_get_contents(«address», false, $context);
    if ($answer === false) {
        throw new RuntimeException('No answer: try again later.');
    }
    $answer = json_decode($answer, true, 512, JSON_THROW_ON_ERROR);
    if (isset($answer['code'])) {
        throw new RuntimeException($answer['detail']);
    }
    return $answer;
}

$receipt = push_attendee([
    'profile' => [
        'email' => 'john.doe@example.com',
        'firstName' => 'John',
        'lastName' => 'Doe',
        'company' => 'Example Ltd',
        'customFields' => [
«fields»        ],
    ],
    'eventInfo' => ['groups' => ['groupNames' => [
«groups»    ]]],
]);
echo $receipt['result'], PHP_EOL;
"""

recipe = Recipe(
    name="php",
    title="PHP",
    kind="code",
    settings={"blank": "keep", "status_codes": "precise"},
    format="nested",
    write=write,
)
