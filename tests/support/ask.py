"""Asking a real server often enough that every worker has answered."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from tests.support.server import Answer, Server


def every_worker(server: Server, path: str = "/rows") -> list[Answer]:
    """Ask a path that tells `pid`, on fresh connections, until each worker has answered it."""
    pids = {process.pid for process in server.workers()}
    answers: list[Answer] = []

    def all_answered() -> bool:
        answer = server.get(path)
        assert answer.status == 200, answer.text
        answers.append(answer)
        return pids <= {answer.json["pid"] for answer in answers}

    server.until(all_answered)
    return answers


def at_once(calls: list[Callable[[], Answer]]) -> list[Answer]:
    """Make the calls, all at the same time."""
    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result(60) for future in [pool.submit(call) for call in calls]]
