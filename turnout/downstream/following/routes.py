"""The addresses at which changes are followed."""

from turnout.downstream.following.following import Following
from turnout.downstream.following.poll import list_changes
from turnout.downstream.following.stream import stream_changes
from turnout.feed.gateway import Route


def list_following_routes(following: Following) -> list[Route]:
    return [
        Route("GET", "changes", "read", lambda asked: list_changes(following, asked)),
        Route("GET", "changes/stream", "read", lambda asked: stream_changes(following, asked)),
    ]
