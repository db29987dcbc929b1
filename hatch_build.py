"""What a wheel needs besides the package; an editable install finds it where it is.

The browser files that `make setup` gathers, without which no wheel is built, and the page that is served at /rules.
"""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Wheel(BuildHookInterface):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable" or self.target_name != "wheel":
            return
        for made in ("swagger-ui/swagger-ui-bundle.js", "console/console.js"):
            if not (Path(self.root) / "turnout/assets" / made).is_file():
                raise RuntimeError(f"turnout/assets/{made} is missing: run `make setup` before building a wheel.")
        build_data["force_include"][str(Path(self.root) / "docs/feed.md")] = "turnout/reference/feed.md"
