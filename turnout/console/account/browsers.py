"""What a browser calls itself, in words that people know. Pure."""

import re

# In this order: each also says that it is those below.
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"),
    ("HeadlessChrome", "Chrome"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Macintosh", "macOS"),
    ("Linux", "Linux"),
)


def name_browser(sent: str) -> str:
    """`Firefox on Windows`; of what is no browser the program's name, as it was sent."""
    browser = next((name for sign, name in _BROWSERS if sign in sent), None)
    system = next((name for sign, name in _SYSTEMS if sign in sent), None)
    if browser is not None and sent.startswith("Mozilla/"):
        return browser if system is None else f"{browser} on {system}"
    program = re.match(r"[\w .-]{1,40}", sent)
    return program[0].strip() if program and program[0].strip() else "Unknown browser"
