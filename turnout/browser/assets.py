"""The files that pages load: ours, built ones and those of Swagger UI. All from here, none from another host."""

import gzip
import hashlib
from functools import lru_cache
from pathlib import Path

import msgspec

_TURNOUT = Path(__file__).parents[1]
_FOLDERS = {
    "reference": _TURNOUT / "reference/static",
    "swagger-ui": _TURNOUT / "assets/swagger-ui",
    "console": _TURNOUT / "assets/console",
}
"""By the name that stands in addresses. What is in `assets/` is made by `make setup`."""
_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".ico": "image/x-icon",
    ".png": "image/png",
    ".txt": "text/plain; charset=utf-8",
}


class Asset(msgspec.Struct, frozen=True):
    """One file, as it is sent."""

    content: bytes
    packed: bytes | None
    """With gzip; None where that gains little."""
    media_type: str
    digest: str
    """Of the content: its ETag, and what makes its address change when it does."""


@lru_cache(maxsize=64)
def find_asset(folder: str, name: str) -> Asset | None:
    """A file of one of the folders; None where there is none. Reads it once."""
    path = _list_files().get((folder, name))
    if path is None or not path.is_file():
        return None
    content = path.read_bytes()
    packed = gzip.compress(content, 6, mtime=0)
    return Asset(
        content=content,
        packed=packed if len(packed) < len(content) * 0.9 else None,
        media_type=_MEDIA_TYPES[path.suffix],
        digest=hashlib.sha256(content).hexdigest()[:16],
    )


@lru_cache(maxsize=1)
def _list_files() -> dict[tuple[str, str], Path]:
    """Folder and name → path, so that nothing else can be asked for."""
    return {
        (folder, path.name): path
        for folder, root in _FOLDERS.items()
        for path in root.glob("*")
        if path.suffix in _MEDIA_TYPES
    }


def asset_url(folder: str, name: str) -> str:
    """Its address below the root, with its digest: such an address may be kept for ever."""
    asset = find_asset(folder, name)
    return f"assets/{folder}/{name}" + (f"?v={asset.digest}" if asset else "")
