"""A first push in three languages, and how to read and follow, to paste. Whoever shows them escapes them."""

import shlex


def curl(url: str) -> str:
    return f"""\
curl {shlex.quote(url)} \\
  -H 'Api-Key: your-key' \\
  -H 'Content-Type: application/json' \\
  -d '{{"profile": {{"email": "john.doe@example.com",
                   "firstName": "John"}}}}'"""


def curl_list(gateway: str) -> str:
    return _curl_reading(f"{gateway}/attendees?limit=100")


def curl_changes(gateway: str) -> str:
    return _curl_reading(f"{gateway}/changes?after=17&wait=30")


def curl_stream(gateway: str) -> str:
    return _curl_reading(f"{gateway}/changes/stream?after=17", "-N ")


def _curl_reading(url: str, options: str = "") -> str:
    # An address with ? and & goes into quotes whatever else is in it.
    return f"curl {options}{_in_shell_quotes(url)} \\\n  -H 'Api-Key: your-read-key'"


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


def _in_shell_quotes(text: str) -> str:
    return "'" + text.replace("'", "'\"'\"'") + "'"


def _in_single_quotes(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
