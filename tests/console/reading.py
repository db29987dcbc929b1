"""A page as a browser reads it: its texts and ways, and whatever is in it that no template of ours writes."""

import re
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin, urlsplit

import msgspec

_WAYS = ("href", "src", "action", "formaction", "hx-get", "hx-post", "hx-sse:connect", "data", "xlink:href", "srcset")
_HARMLESS = re.compile(r"mailto:[\w.%@+-]*\?|data:text/csv;base64,")
_NAME = re.compile(r"[a-zA-Z][\w:-]*")
_NEVER = {"iframe", "frame", "object", "embed", "base", "img", "math", "style", "template", "video", "audio", "animate"}
_TWICE = re.compile(r"&(?:lt|gt|amp|quot|#\d+|#x[0-9a-f]+);", re.IGNORECASE)


class Form(msgspec.Struct, frozen=True):
    """A form, with what stands in it."""

    method: str
    way: str
    fields: dict[str, str]
    """Those that are sent as they are: what is chosen, and what is hidden."""
    typed: list[str]
    """Names of those that somebody types into."""
    files: list[str]


class Read(HTMLParser):
    """`faults` are elements, attributes and addresses that can only have come from a value."""

    def __init__(self, html: str, url: str) -> None:
        super().__init__()
        self._url = url
        self._within: list[str] = []
        self.texts: list[str] = []
        """What is between tags, and in attributes that are read out or typed into."""
        self.ways: list[str] = []
        """What links lead to and scripts ask for, with the host."""
        self.live: list[str] = []
        self.forms: list[Form] = []
        self.faults: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag in _NEVER or not _NAME.fullmatch(tag) or (tag == "script" and "src" not in values):
            self.faults.append(f"<{tag}>")
        if tag == "meta" and "http-equiv" in values:
            self.faults.append("<meta http-equiv>")
        for name, value in values.items():
            if name.startswith(("on", "hx-on", "style", "data-naughty", "srcdoc")) or not _NAME.fullmatch(name):
                self.faults.append(f"<{tag} {name}={value[:80]!r}>")
            elif name in _WAYS:
                self._read_way(tag, name, value, values)
            else:
                self.texts.append(value)
        self._read_field(tag, values)
        if tag == "script":
            self._within.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag == "script" and self._within:
            self._within.pop()

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
        if self._within:
            self.faults.append(f"A script within the page: {data[:80]!r}")

    def handle_comment(self, data: str) -> None:
        self.faults.append(f"<!--{data[:80]}-->")

    def unknown_decl(self, data: str) -> None:
        self.faults.append(f"<![{data[:80]}]>")

    def handle_pi(self, data: str) -> None:
        self.faults.append(f"<?{data[:80]}>")

    def find_doubled(self, but: str) -> list[str]:
        """What was escaped twice, and is read as `&lt;`; in `but` that is meant."""
        return [one[:200] for one in self.texts if _TWICE.search(one.replace(but, ""))]

    def _read_way(self, tag: str, name: str, value: str, values: dict[str, str]) -> None:
        if _HARMLESS.match(value):
            return
        to = urljoin(self._url, value)
        if urlsplit(to)[:2] != urlsplit(self._url)[:2]:
            self.faults.append(f"<{tag} {name}={value[:80]!r}>")
        elif name == "hx-sse:connect":
            self.live.append(to)
        elif name in ("href", "hx-get") and "download" not in values and tag != "link":
            self.ways.append(to)

    def _read_field(self, tag: str, values: dict[str, Any]) -> None:
        if tag == "form":
            way = urljoin(self._url, values.get("action", ""))
            self.forms.append(Form(values.get("method", "get"), way, {}, [], []))
        name, kind = values.get("name", ""), values.get("type", "text")
        if not self.forms or not name or tag not in ("input", "textarea", "select", "button"):
            return
        form = self.forms[-1]
        if kind == "file":
            form.files.append(name)
        elif kind == "hidden" or (kind in ("radio", "checkbox") and "checked" in values) or tag == "button":
            form.fields.setdefault(name, values.get("value", ""))
        elif kind not in ("radio", "checkbox"):
            form.typed.append(name)
