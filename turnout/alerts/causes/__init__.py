"""What people are told of, a file a kind: each looks at one event, and says what is wrong or new at the moment."""
