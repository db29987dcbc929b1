"""A first push in three languages, to paste. Whoever shows them escapes them."""

import shlex


def curl(url: str) -> str:
    return f"""\
curl {shlex.quote(url)} \\
  -H 'Api-Key: your-key' \\
  -H 'Content-Type: application/json' \\
  -d '{{"profile": {{"email": "john.doe@example.com",
                   "firstName": "John"}}}}'"""


def powershell(url: str) -> str:
    """Windows PowerShell needs to be told UTF-8 in both places (B1)."""
    return f"""\
$push = @{{ profile = @{{
  email = 'john.doe@example.com'
  firstName = 'John'
}} }}
$json = $push | ConvertTo-Json -Depth 6
Invoke-RestMethod -Method Post `
  -Uri {_in_single_quotes(url)} `
  -Headers @{{ 'Api-Key' = 'your-key' }} `
  -ContentType 'application/json; charset=utf-8' `
  -Body ([Text.Encoding]::UTF8.GetBytes($json))"""


def python(url: str) -> str:
    return f"""\
import json
from urllib.request import Request, urlopen

push = {{"profile": {{
    "email": "john.doe@example.com",
    "firstName": "John",
}}}}
headers = {{"Api-Key": "your-key"}}
body = json.dumps(push).encode()
url = {url!r}
with urlopen(Request(url, body, headers)) as answer:
    print(json.load(answer))"""


def _in_single_quotes(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
