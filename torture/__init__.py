"""`make torture`: kills, power cuts, full and failing disks, again and again; and nothing acknowledged may be lost.

Each kind of torture is a file: `kills.py`, `starts.py`, `migrations.py`, `power_cuts.py`, `full_disks.py`,
`io_errors.py`, `backups.py`. They share a world (`world.py`): the server as operators start it, several senders
(`senders.py`) that write down what they were told (`ledger.py`), and the comparison of that with what is stored
(`check.py`). docs/reliability.md explains the figures.
"""
