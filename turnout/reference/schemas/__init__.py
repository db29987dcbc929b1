"""THE SCHEMAS: bodies that people write, being wider than any struct; and answers, some from their structs."""
