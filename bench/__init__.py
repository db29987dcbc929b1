"""`make bench`: the ratios that say how fast Turnout is, measured on a server started as operators start it.

`rows.py` says what is compared with what, `contenders.py` what is run for it, `rounds.py` runs it round after round,
`server.py` is the server under test and `generator.py` the load, each a process of its own. docs/performance.md
explains the figures.
"""
