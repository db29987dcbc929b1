"""What people are told of an event's feed, by e-mail and to a webhook: found, kept until it is mended, told once.

It looks at what the rooms below know, and so stands above them.
"""
