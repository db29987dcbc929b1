"""`make bench-peers`: Turnout beside what else one could take for an attendee feed on SQLite.

`entrants.py` says who takes part and with what goal, `pocketbase.py`, `datasette.py` and `orm.py` how each is set up,
`generator.py` is the load and `peer.py` the server under it. What runs inside the peers (`pocketbase.pb.js`,
`datasette_app.py`, `orm_app.py`) needs their packages, which `requirements/peers.txt` pins into an environment of their
own. docs/performance.md explains the figures.
"""
