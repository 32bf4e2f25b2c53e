"""Ctrl-C once and twice, SIGTERM, a terminal that goes: saved, said, and continued bit for bit."""

import os
import signal
import threading
import time

import pytest

import gan_jax
from faults.studies import assert_same_bits, checkpoints, tiny, wait_until
from gan_jax.studies.files import write_yaml
from gan_jax.training import interrupts

NEVER = 1e6  # seconds between checkpoints


@pytest.fixture
def folder(tmp_path):
    write_yaml(tmp_path / "tiny.yaml", tiny().to_dict())
    return tmp_path / "s"


def start(nursery, folder, pause, before="pass"):
    """Start `gan-jax study` on the folder, and wait until it has begun to train."""
    file, out = str(folder.parent / "tiny.yaml"), str(folder.parent / "stdout")
    words = ("study", file, "--out", str(folder), "--checkpoint-every", str(NEVER), "--restart")
    process = nursery.start(f"{before}; studies.command(*{words!r}, out={out!r}, pause={pause})")
    wait_until(lambda: list(folder.rglob("seeds-*/running")))
    return process


def continued(nursery, folder):
    assert nursery.run(f"studies.run({str(folder)!r})") == 0, nursery.said()
    return gan_jax.load_results(folder)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_saves_what_is_trained_and_says_how_to_continue(
    nursery, undisturbed, folder, number, code
):
    process = start(nursery, folder, 0.2)
    time.sleep(1.0)
    os.kill(process, number)
    assert nursery.wait() == code
    assert checkpoints(folder)  # there would have been none for days
    said = nursery.said()
    expected = "gan-jax: interrupted: 0 of 2 cells are done and kept, 1 in part; continue with: "
    assert said.splitlines()[-1].startswith(f"{expected}gan-jax study"), said
    assert "Traceback" not in said and "--restart" not in said
    assert not list(folder.rglob("running"))
    assert_same_bits(continued(nursery, folder), undisturbed[1])
    assert nursery.said() == ""


def test_a_second_ctrl_c_leaves_at_once(nursery, undisturbed, folder):
    process = start(nursery, folder, 60.0)
    time.sleep(1.0)
    started = time.monotonic()
    os.kill(process, signal.SIGINT)
    wait_until(lambda: "again leaves at once" in nursery.heard())
    os.kill(process, signal.SIGINT)
    assert nursery.wait() == 130
    assert time.monotonic() - started < 45  # a segment takes a minute
    assert "left at once" in nursery.said()
    assert_same_bits(continued(nursery, folder), undisturbed[1])


def test_a_terminal_that_goes_ends_nothing_but_this(nursery, undisturbed, folder):
    # The process leads a session whose terminal is the other end of ours: closing that hangs up.
    ours, theirs = os.openpty()
    name = os.ttyname(theirs)
    before = (
        f"os.setsid(); terminal = os.open({name!r}, os.O_RDWR); "
        "[os.dup2(terminal, descriptor) for descriptor in (0, 2)]"
    )
    start(nursery, folder, 0.2, before)
    os.close(theirs)
    time.sleep(1.0)
    os.close(ours)
    assert nursery.wait() == 129
    assert checkpoints(folder)
    assert_same_bits(continued(nursery, folder), undisturbed[1])


def test_a_script_gets_a_keyboard_interrupt_once_all_is_kept(tmp_path):
    # As it is by default: a shell's background jobs ignore it, and these tests may be one.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def interrupt(variant, segment):
        signal.raise_signal(signal.SIGINT)
        time.sleep(0.1)  # the thread that listens

    with pytest.raises(KeyboardInterrupt) as stopped:
        gan_jax.run_study(tiny(), tmp_path / "s", observer=interrupt)
    assert stopped.value.number == signal.SIGINT
    assert checkpoints(tmp_path / "s")
    assert signal.signal(signal.SIGINT, before) is signal.default_int_handler


def test_what_is_ignored_stays_ignored_and_other_threads_hear_nothing():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interrupts.heard_signals() as heard:
            signal.raise_signal(signal.SIGHUP)
            time.sleep(0.05)
            assert heard.number is None
            with interrupts.heard_signals() as inner:
                assert inner is heard
    finally:
        signal.signal(signal.SIGHUP, before)
    others = []

    def elsewhere():
        with interrupts.heard_signals() as heard:
            others.append(heard.number)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert others == [None]
