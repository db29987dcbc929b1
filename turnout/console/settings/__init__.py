"""What is set up for an event: what its pushes mean, who is who, what is kept how long; its names and its webhooks."""
