"""THE OPENAPI DOCUMENT, in parts. `document.py` puts them together; each other file describes some of the routes."""
