"""The web console: a folder a page, its templates beside it; `site.py` answers, `page.py` says what a page is."""
