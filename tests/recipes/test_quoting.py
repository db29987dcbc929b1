"""Whatever a name is made of, each language reads it back as it is."""

import ast
import json
import re
import shutil
import subprocess

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from turnout.recipes.quoting import fill, js, json_text, php, power_automate, powershell, python, shell, without_braces

NODE = shutil.which("node")
PHP = shutil.which("php")
NAUGHTY = [
    "'",
    '"',
    "\\",
    "\\'",
    "$x ${x} $(id) `id`",
    "a\nb\r\n\tc",
    "</script><!--",
    "{{x}} }} {%",
    "\u2028\u2029\u202e\ufeff\x7f\x1b[31m",
    "‘’‚‛ “”",
    "🏳️‍🌈 \U000e0041",
    "«name»",
    "-n",
    "!history",
    "",
    "?> #>",
]
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
ALL = settings(deadline=None, max_examples=100)


@ALL
@given(TEXTS)
@example("\n".join(NAUGHTY))
def test_python_and_json_read_it_back(text: str) -> None:
    assert ast.literal_eval(python(text)) == text
    for written in (json_text(text), js(text), without_braces(json_text(text)), without_braces(js(text))):
        assert json.loads(written) == text
    assert "</" not in js(text)
    assert "<!--" not in js(text)
    assert not re.search(r"[{}]", without_braces(js(text)))


@ALL
@given(TEXTS)
@example("\n".join(NAUGHTY))
def test_nothing_invisible_stands_in_a_program(text: str) -> None:
    """Marks that turn the direction of writing would let it look like another one."""
    for written in (python(text), js(text), php(text), powershell(text)):
        assert written.isprintable()


@settings(deadline=None, max_examples=5)
@given(st.lists(TEXTS, min_size=20, max_size=60))
@example(NAUGHTY)
def test_a_shell_and_node_read_them_back(texts: list[str]) -> None:
    command = "printf '%s\\0' " + " ".join(map(shell, texts))
    said = subprocess.run(["bash"], input=command.encode(), capture_output=True, check=True).stdout
    assert said.decode().split("\0")[:-1] == texts
    assert NODE, "make setup brings Node.js 20"
    program = f"console.log(JSON.stringify([{', '.join(map(js, texts))}]))"
    said = subprocess.run([NODE, "-"], input=program.encode(), capture_output=True, check=True).stdout
    assert json.loads(said) == texts


@pytest.mark.skipif(PHP is None, reason="This machine has no PHP.")
@settings(deadline=None, max_examples=5)
@given(st.lists(TEXTS, min_size=20, max_size=60))
@example(NAUGHTY)
def test_php_itself_reads_them_back(texts: list[str]) -> None:
    program = f"<?php echo json_encode([{', '.join(map(php, texts))}], JSON_THROW_ON_ERROR);"
    said = subprocess.run([str(PHP)], input=program.encode(), capture_output=True, check=True).stdout
    assert json.loads(said) == texts


@ALL
@given(TEXTS)
@example("\n".join(NAUGHTY))
def test_php_reads_it_back(text: str) -> None:
    assert read_php(php(text)) == text


def read_php(literal: str) -> str:
    """As PHP's manual says that it reads a literal (language.types.string)."""
    if literal[0] == "'":
        inner = re.fullmatch(r"'((?:[^'\\]|\\.)*)'", literal, re.DOTALL)
        assert inner is not None
        return re.sub(r"\\([\\'])", r"\1", inner[1])
    inner = re.fullmatch(r'"((?:[^"\\$]|\\[\\"$]|\\u\{[0-9a-f]+\})*)"', literal, re.DOTALL)
    assert inner is not None
    return re.sub(r'\\(?:([\\"$])|u\{([0-9a-f]+)\})', lambda match: match[1] or chr(int(match[2], 16)), inner[1])


@ALL
@given(TEXTS)
@example("\n".join(NAUGHTY))
def test_powershell_reads_it_back(text: str) -> None:
    assert read_powershell(powershell(text)) == text


def read_powershell(expression: str) -> str:
    """As PowerShell says that it reads a literal (about_Quoting_Rules): each quotation mark is written twice."""
    marks = "'\u2018\u2019\u201a\u201b"
    quoted = rf"'(?:[^{marks}]|([{marks}])\1)*'"
    inner = expression[1:-1] if expression.startswith("(") else expression
    read, at = "", 0
    while at < len(inner):
        if match := re.compile(r"\[char\]::ConvertFromUtf32\((\d+)\)").match(inner, at):
            read += chr(int(match[1]))
        else:
            match = re.compile(quoted).match(inner, at)
            assert match is not None, inner[at:]
            read += re.sub(rf"([{marks}])\1", r"\1", match[0][1:-1])
        at = match.end() + (3 if inner[match.end() : match.end() + 3] == " + " else 0)
    return read


@ALL
@given(TEXTS)
@example("@{x}")
@example("@@{x}")
@example("@x @{y}")
def test_no_name_is_an_expression_of_power_automate(text: str) -> None:
    written = power_automate(text)
    assert not re.search(r"(?<!@)@\{", written)
    assert not re.match(r"@(?!@)", written)


def test_a_piece_may_look_like_a_place() -> None:
    assert fill("«a» and «b»", a="«b»", b="\\1") == "«b» and \\1"
