"""What workers tell one another of their figures."""

import threading

from turnout.operations.worker_figures import Board, Family, Sample, add_up


def counted(value: float, **labels: str) -> Family:
    return Family("pushes", "Pushes.", "counter", [Sample("pushes_total", labels, value)])


def held(value: float) -> Family:
    return Family("bytes", "Bytes.", "gauge", [Sample("bytes", {}, value)])


def test_lines_with_the_same_labels_are_added_up_and_others_stand_side_by_side() -> None:
    parts = [[counted(1, worker="1"), held(10)], [counted(2, worker="2"), held(5)], [counted(4, worker="1")]]
    assert add_up(parts) == [
        Family(
            "pushes",
            "Pushes.",
            "counter",
            [Sample("pushes_total", {"worker": "1"}, 5), Sample("pushes_total", {"worker": "2"}, 2)],
        ),
        held(15),
    ]


def test_who_has_published_nothing_counts_for_nothing() -> None:
    board = Board(3)
    assert board.read_all() == []
    for number in (1, 3):
        board.publish(number, [counted(1), held(number)])
    assert board.read_all() == [counted(2), held(4)]
    assert board.read(2) == []


def test_of_the_dead_counts_stay_and_states_do_not() -> None:
    board = Board(2)
    board.publish(1, [counted(3), held(7)])
    board.publish(2, [counted(4), held(1)])
    board.retire(1)
    assert board.read_all() == [counted(7), held(1)]


def test_whoever_reads_while_it_is_written_reads_something_whole() -> None:
    board = Board(1)
    versions = [[counted(value, filler="x" * int(5_000 * value))] for value in (1, 2, 3)]
    board.publish(1, versions[0])
    enough = threading.Event()

    def write() -> None:
        while not enough.is_set():
            for version in versions:
                board.publish(1, version)

    writer = threading.Thread(target=write)
    writer.start()
    seen = [board.read(1)[0].samples[0] for _ in range(3_000)]
    enough.set()
    writer.join()
    assert all(len(sample.labels["filler"]) == 5_000 * sample.value for sample in seen)
