"""`.venv/bin/python -m turnout.reference` writes docs/errors.md anew."""

from pathlib import Path

from turnout.reference.codes import as_markdown

if __name__ == "__main__":
    (Path(__file__).parents[2] / "docs/errors.md").write_text(as_markdown(), "utf-8")
