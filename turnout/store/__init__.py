"""All SQL. Functions that take a connection and give structs; they decide nothing."""
