"""`make screenshots`: a picture of every page of the console, wide and narrow, light and dark, with made-up data.

`server.py` is the real server with a clock that is set by hand, `running.py` starts it and speaks to it, `summit.py`
and `crowd.py` fill it over HTTP as people and systems would, `pages.py` says where there is something to see,
`pictures.py` takes it. The data and the clock are the same in every run, so that pictures can be compared.
"""
