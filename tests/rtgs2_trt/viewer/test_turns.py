"""Turns: the latest camera wins, nobody starves; on a clock that the test moves."""

import threading

import pytest

from rtgs2_trt import Camera
from rtgs2_trt.viewer.turns import REST_SECONDS, Turns


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def turns(clock):
    return Turns(clock)


def camera(x):
    return Camera.look_at((x, 0, 1), (x, 5, 1))


def taken(turns, clock):
    turn, _ = turns.next_turn(clock.now)
    return turn and (turn.client, turn.kind, turn.camera)


def test_only_the_latest_camera_is_drawn(turns, clock):
    for x in range(50):
        turns.look(1, camera(x))
    assert taken(turns, clock) == (1, "moving", camera(49))


def test_a_camera_that_rests_is_drawn_better_until_nothing_is_left(turns, clock):
    turns.look(1, camera(0))
    turn, _ = turns.next_turn(clock.now)
    turns.drawn(turn, 0.25)
    nothing, wait = turns.next_turn(clock.now)
    assert nothing is None
    assert wait == pytest.approx(REST_SECONDS)
    clock.now += REST_SECONDS
    turn, _ = turns.next_turn(clock.now)
    assert (turn.kind, turn.shown) == ("resting", 0.25)
    turns.drawn(turn, 0.5)
    turn, _ = turns.next_turn(clock.now)
    assert (turn.kind, turn.shown) == ("resting", 0.5)
    turns.drawn(turn, 1.0)
    assert turns.next_turn(clock.now) == (None, None)


def test_a_camera_that_came_to_rest_while_it_waited_is_not_taken_for_moving(turns, clock):
    turns.look(1, camera(0))
    turn, _ = turns.next_turn(clock.now)
    turns.look(1, camera(1))  # while the first is drawn, slowly
    clock.now += REST_SECONDS
    turns.drawn(turn, 0.25, rest=1.5)
    turn, _ = turns.next_turn(clock.now)
    assert (turn.kind, turn.camera, turn.shown) == ("resting", camera(1), 0)


def test_a_browser_that_sends_few_cameras_is_not_taken_for_resting(turns, clock):
    kinds = []
    for x in range(8):
        turns.look(1, camera(x))
        clock.now += 0.09  # longer than a camera of a fast browser must rest
        turn, _ = turns.next_turn(clock.now)
        turns.drawn(turn, 0.25)
        kinds.append(turn.kind)
        clock.now += 0.03
    assert set(kinds[1:]) == {"moving"}
    assert turns.next_turn(clock.now)[0] is None
    clock.now += 0.12
    assert taken(turns, clock)[1] == "resting"


def test_a_slow_picture_waits_for_a_longer_rest(turns, clock):
    turns.look(1, camera(0))
    turn, _ = turns.next_turn(clock.now)
    turns.drawn(turn, 0.25, rest=1.5)
    clock.now += 1.4
    nothing, wait = turns.next_turn(clock.now)
    assert nothing is None
    assert wait == pytest.approx(0.1)
    clock.now += 0.1
    assert taken(turns, clock)[1] == "resting"


def test_a_camera_that_moves_meanwhile_is_not_taken_for_drawn(turns, clock):
    turns.look(1, camera(0))
    turn, _ = turns.next_turn(clock.now)
    turns.look(1, camera(1))
    turns.drawn(turn, 1.0)
    assert taken(turns, clock) == (1, "moving", camera(1))


def test_the_same_camera_again_changes_nothing(turns, clock):
    turns.look(1, camera(0))
    turn, _ = turns.next_turn(clock.now)
    turns.drawn(turn, 1.0)
    turns.look(1, camera(0))
    assert turns.next_turn(clock.now) == (None, None)


def test_moving_clients_take_turns(turns, clock):
    order = []
    for step in range(9):
        for client in (1, 2, 3):
            turns.look(client, camera(10 * step + client))
        clock.now += 0.01
        turn, _ = turns.next_turn(clock.now)
        turns.drawn(turn, 0.25)
        order.append(turn.client)
    assert [order.count(client) for client in (1, 2, 3)] == [3, 3, 3]


def test_a_resting_client_does_not_starve_beside_one_that_never_stops(turns, clock):
    turns.look(1, camera(0))
    turn, _ = turns.next_turn(clock.now)
    turns.drawn(turn, 0.25)
    served = []
    for step in range(100):
        turns.look(2, camera(step))
        clock.now += 0.05
        turn, _ = turns.next_turn(clock.now)
        turns.drawn(turn, 1.0 if turn.kind == "resting" else 0.25)
        served.append(turn.client)
    assert served.count(1) == 1
    assert served.index(1) * 0.05 < 1.0


def test_moving_goes_before_resting_for_a_while(turns, clock):
    turns.look(1, camera(0))
    turn, _ = turns.next_turn(clock.now)
    turns.drawn(turn, 0.25)
    clock.now += REST_SECONDS
    turns.look(2, camera(1))
    assert taken(turns, clock)[0] == 2


def test_a_new_mode_is_painted_first(turns, clock):
    turns.look(2, camera(0))
    turns.drawn(turns.next_turn(clock.now)[0], 0.5)
    clock.now += 60
    turns.repaint(2)
    assert taken(turns, clock)[:2] == (2, "repaint")
    assert taken(turns, clock)[:2] == (2, "resting")


def test_who_repaints_without_end_keeps_nobody_waiting(turns, clock):
    turns.look(1, camera(0))
    turns.drawn(turns.next_turn(clock.now)[0], 1.0)
    served = []
    for number in range(20):
        turns.repaint(1)
        turns.look(2, camera(number))
        clock.now += 0.02
        served.append(taken(turns, clock)[0])
    assert served.count(1) == served.count(2) == 10


def test_clients_that_have_gone_are_forgotten(turns, clock):
    turns.look(1, camera(0))
    turn, _ = turns.next_turn(clock.now)
    turns.forget(1)
    turns.drawn(turn, 0.5)
    turns.repaint(1)
    turns.forget(1)
    assert turns.next_turn(clock.now) == (None, None)


def test_waiting_ends_with_work_and_with_closing():
    turns, got = Turns(), threading.Event()

    def work():
        while (turn := turns.take()) is not None:
            turns.drawn(turn, 1.0)
            got.set()

    thread = threading.Thread(target=work)
    thread.start()
    turns.look(7, camera(0))
    assert got.wait(10)
    turns.close()
    thread.join(10)
    assert not thread.is_alive()
