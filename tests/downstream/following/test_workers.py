"""Followers of a server with several processes: what one commits is told to those of the other."""

from contextlib import ExitStack
from pathlib import Path

from tests.downstream.following.followers import make_read_key, open_stream, poll, run_beside
from tests.downstream.following.test_poll import push, wait_in_vain
from tests.downstream.following.test_stream import take
from tests.product import Product
from tests.server.test_serve_workers import running


def test_followers_of_both_workers_are_told_in_order_whoever_commits(tmp_path: Path) -> None:
    with running(tmp_path) as server, Product(server) as product, ExitStack() as opened:
        event = product.make_event()
        key = make_read_key(event)
        readers, workers = [], set()
        while len(workers) < 2:
            readers.append(opened.enter_context(open_stream(event, key, "?after=0")))
            workers.add(str(readers[-1].answer.headers["x-request-id"]).partition("-")[0])
        pushers = set()
        count = 0
        while len(pushers) < 2 or count < 20:
            # A connection of its own each time, which either worker may take.
            with Product(server) as other:
                event.product = other
                sent = event.push({"profile": {"email": f"p{count}@example.com"}})
            assert sent.status_code == 200
            pushers.add(sent.headers["x-request-id"].partition("-")[0])
            count += 1
        event.product = product
        for reader in readers:
            assert [line["sequence"] for line in take(reader, count)] == list(range(1, count + 1))
        answers: list[int] = []
        asking = [
            run_beside(lambda: answers.append(poll(event, key, f"?after={count}&wait=60")["last"])) for _ in "abcd"
        ]
        wait_in_vain(event, key, count)
        push(event, "last@example.com")
        for one in asking:
            one.join()
        assert answers == [count + 1] * 4
        server.stop()
        for reader in readers:
            assert b"last@example.com" in reader.read_rest()
