"""THE SERVED REFERENCE: what the API is, for whoever sends to it; pages, the OpenAPI document, every code explained."""
