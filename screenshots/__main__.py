"""The command: `python -m screenshots [--small] [--data nothing|begun|summit|crowd] [PAGE…]`."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import rich_click as click

from screenshots import crowd, summit
from screenshots.pages import Sight, list_sights
from screenshots.pictures import LOOKS, Camera, open_camera
from screenshots.running import Api, Running
from screenshots.summit import Filled

_ROOT = Path(__file__).parent.parent
_DATA: dict[str, Callable[[Running, Api], Filled]] = {
    "nothing": lambda _running, _api: Filled(),
    "begun": summit.begin,
    "summit": summit.fill,
    "crowd": crowd.fill,
}
_LIGHT, _DARK = LOOKS[0], LOOKS[1]


@click.command()
@click.argument("names", metavar="[PAGE]…", nargs=-1)
@click.option("--folder", type=click.Path(path_type=Path), help="For the pictures. Default: .cache/screenshots.")
@click.option("--data", type=click.Choice(list(_DATA)), default="summit", show_default=True, help="How much there is.")
@click.option("--small", is_flag=True, help="Only the small ones that README and docs show, into docs/pictures.")
def main(names: tuple[str, ...], folder: Path | None, data: str, small: bool) -> None:
    """Take pictures of the console's pages: wide and narrow, light and dark.

    PAGE is the beginning of a picture's name, such as events-event-pushes; without any it is every page.

    Example: python -m screenshots --data crowd events overview
    """
    folder = folder or _ROOT / ("docs/pictures" if small else ".cache/screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="turnout-screenshots-") as made:
        ground = Path(made)
        with Running(ground) as running, open_camera(running, ground / "chromium") as camera:
            filled = _DATA[data](running, camera.sign_in())
            camera.sign_in_again()
            sights = list(list_sights(filled))
            if filled.awaited:
                camera.wait_for(next(one for one in sights if one.name == "events-event"), filled.awaited)
            if small:
                _take_small(camera, {one.name: one for one in sights}, folder)
                return
            wanted = [one for one in sights if not names or one.name.startswith(names)]
            if not wanted:
                raise click.ClickException("There is no such page: " + ", ".join(one.name for one in sights))
            for path in camera.take(wanted, LOOKS, folder):
                click.echo(path)


def _take_small(camera: Camera, sights: dict[str, Sight], folder: Path) -> None:
    """At most five, of at most 60 KB: a test counts."""
    for name, sight, look, height, pressed in (
        ("overview", "events-event", _LIGHT, 860, ""),
        ("overview-dark", "events-event", _DARK, 860, ""),
        ("push", "events-event-pushes-push", _LIGHT, 1_020, ""),
        ("why", "events-event-attendees-attendee", _LIGHT, 860, ".known:has-text('Harbour Master') .why > summary"),
        ("hand-out", "h-link", _LIGHT, 860, ""),
    ):
        path = folder / f"{name}.webp"
        camera.take_small(sights[sight], look, path, height=height, pressed=pressed)
        click.echo(f"{path} {path.stat().st_size:,}")


if __name__ == "__main__":
    main()
