"""docs/feed.md as a page: the rules by number, for whoever has nothing of Turnout but an address and a key."""

import re
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markupsafe import Markup, escape

from turnout.reference.highlight import json_as_html, shell_as_html

_COMMENT = re.compile(r"^<!--.*?-->\n", re.MULTILINE | re.DOTALL)
_LANGUAGES = {"js": "JavaScript", "php": "PHP", "powershell": "PowerShell", "python": "Python", "sh": "Terminal"}


def rules_as_html(example_gateway: str, problems: str) -> Markup:
    """The page's content. `problems` is where the errors are explained, the gateway stands in the examples."""
    html = _convert().replace("https://turnout.example.org/e/spring", escape(example_gateway))
    return Markup(html.replace('href="errors.md"', f'href="{escape(problems)}"'))  # noqa: S704 # our own page


@lru_cache(maxsize=1)
def _convert() -> str:
    text = _COMMENT.sub("", _find_file().read_text("utf-8"))
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    markdown.add_render_rule("fence", _render_block)
    markdown.add_render_rule("table_open", _open_table)
    markdown.add_render_rule("table_close", _close_table)
    tokens = markdown.parse(text)
    for opening, inside in pairwise(tokens):
        if opening.type == "heading_open":
            opening.attrSet("id", _as_anchor(inside.content))
    return _ELSEWHERE.sub(r"\1", str(markdown.renderer.render(tokens, markdown.options, {})))


_ELSEWHERE = re.compile(r'<a href="(?!errors\.md")[\w./-]+\.md">(.*?)</a>')
"""Links to pages that are in the repository alone: here they are words."""


def _find_file() -> Path:
    """Beside this file where Turnout is installed from a wheel, else in the folder of its source."""
    packed = Path(__file__).with_name("feed.md")
    return packed if packed.is_file() else Path(__file__).parents[2] / "docs/feed.md"


def _as_anchor(heading: str) -> str:
    """As GitHub makes it, which is what links within the page go by."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _render_block(_: RendererHTML, tokens: list[Token], at: int, *__: Any) -> str:
    language, text = tokens[at].info.strip(), tokens[at].content.rstrip("\n")
    if language == "http":
        label = "Answer" if text.startswith("HTTP/") else "Request"
        head, blank, body = text.partition("\n\n")
        painted = escape(head + blank) + json_as_html(body)
    else:
        label = _LANGUAGES[language]
        painted = shell_as_html(text)
    return Markup(
        '<figure class="code"><figcaption>{}</figcaption><pre tabindex="0"><code>{}</code></pre></figure>\n'
    ).format(label, painted)


def _open_table(_: RendererHTML, *__: Any) -> str:
    return '<div class="scroll" tabindex="0" role="region" aria-label="Table"><table>\n'


def _close_table(_: RendererHTML, *__: Any) -> str:
    return "</table></div>\n"
