"""Refuses to build a wheel without the browser files that `make setup` gathers; an editable install does without."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class AssetsAreThere(BuildHookInterface):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable" or self.target_name != "wheel":
            return
        if not (Path(self.root) / "turnout/assets/swagger-ui/swagger-ui-bundle.js").is_file():
            raise RuntimeError("turnout/assets/ is empty: run `make setup` before building a wheel.")
