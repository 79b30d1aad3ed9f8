"""Ctrl-C and SIGTERM as a request."""

from __future__ import annotations

import signal
import threading

import pytest

from unrolled.training.signals import StopTraining, stop_on_signals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_asks(number):
    with stop_on_signals() as stop:
        stop.check()
        signal.raise_signal(number)
        assert stop.requested
        with pytest.raises(StopTraining):
            stop.check()


@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_does_not_wait(second):
    with stop_on_signals():
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt) as caught:
            signal.raise_signal(second)
    assert caught.type is KeyboardInterrupt


def test_handlers_are_put_back_whatever_happens():
    def before(number, frame) -> None: ...

    numbers = (signal.SIGINT, signal.SIGTERM)
    own = [signal.signal(number, before) for number in numbers]
    try:
        with stop_on_signals():
            assert all(signal.getsignal(number) is not before for number in numbers)
        assert all(signal.getsignal(number) is before for number in numbers)
        with pytest.raises(ZeroDivisionError), stop_on_signals():
            _ = 1 / 0
        assert all(signal.getsignal(number) is before for number in numbers)
    finally:
        for number, handler in zip(numbers, own, strict=True):
            signal.signal(number, handler)


def test_an_ignored_signal_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with stop_on_signals() as stop:
            signal.raise_signal(signal.SIGINT)
            assert not stop.requested
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_another_thread_installs_nothing():
    before = signal.getsignal(signal.SIGINT)
    seen = []

    def look() -> None:
        with stop_on_signals():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [before]
