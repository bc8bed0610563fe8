"""The workers of a Dask cluster, on any number of machines, used as the processes of this one are.

A worker takes one item at a time, in the folder in which the leading process was started, which all machines see at the
same path. It computes only if its Python, packages and code are those of the leading process, whenever it joined.
"""

import asyncio
import json
import logging
import pickle
import platform
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Future
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from pipeline.compute.cluster_worker import HELP, TOKENS, Lead, begin, difference_of, run_item
from pipeline.compute.code_version import library_checksum, package_versions
from pipeline.compute.workers import SCHEDULER, Result, Workers
from pipeline.errors import PipelineError
from pipeline.files import atomic

if TYPE_CHECKING:
    from distributed import Client

CONNECT = 10.0  # seconds for an answer
BEGIN = 30.0  # seconds for a first worker
POLL = 2.0  # seconds between two looks at the workers
PATIENCE = 300.0  # seconds without any that works, after which they are not waited for
LOUD = ("distributed", "distributed.client", "tornado.application", "asyncio")  # loggers that print what we say
BY_OURS = f"start it by the environment of this repository, {HELP}"


@contextmanager
def cluster_pool(scheduler: str, resource: str = "") -> Iterator[Workers]:
    """Yield the workers of a scheduler.

    Args:
        scheduler: Its address, as ``tcp://host:8786``, or the path of the file that it wrote.
        resource: Workers that declare it, as ``GPU``, take all items, and each item one unit of it; any worker where
            none declares it.

    Raises:
        PipelineError: If it does not answer, or has no workers, or one of them cannot be used.
    """
    address = _address(scheduler)
    client, token = _connected(address), TOKENS / uuid4().hex
    try:
        with atomic(token) as unfinished:
            unfinished.write_text(token.name, encoding="utf-8")
        lead = Lead(str(Path.cwd()), token.name, platform.python_version(), package_versions(), library_checksum())
        declared = _check(client, lead, address)
        yield ClusterPool(client, lead, address, {resource: 1} if resource in declared else {})
    finally:
        token.unlink(missing_ok=True)
        with suppress(Exception):  # whatever comes of a scheduler that is gone was told of
            client.close(CONNECT)


class ClusterPool(Workers):
    """The workers of a scheduler; an item whose worker dies is begun again by another one."""

    advice = "start workers with more memory each (`--memory-limit`) and run again"

    def __init__(self, client: "Client", lead: Lead, address: str, needs: dict[str, int]) -> None:
        self._client, self._lead, self._address, self._needs = client, lead, address, needs
        self._waiting: set[Future[Any]] = set()
        client.loop.add_callback(self._watch)

    @property
    def count(self) -> int:  # type: ignore[override]  # they come and go
        """How many there are, at the moment; 1 while there is none."""
        try:
            return max(1, len(self._client.nthreads()))
        except Exception as error:  # Dask raises anything where the connection is lost
            raise self._gone() from error

    def submit(self, fn: Callable[..., Result], /, *args: Any, **kwargs: Any) -> Future[Result]:
        """See :meth:`concurrent.futures.Executor.submit`.

        Raises:
            PipelineError: If the scheduler is gone.
        """
        ours: Future[Result] = Future()
        call = pickle.dumps(partial(fn, *args, **kwargs))
        try:
            theirs = self._client.submit(run_item, self._lead, call, pure=False, resources=self._needs)
        except Exception as error:
            raise self._gone() from error
        self._waiting.add(ours)
        self._client.loop.add_callback(self._hand_over, theirs, ours)
        return ours

    async def _hand_over(self, theirs: Any, ours: Future[Any]) -> None:
        """Wait for an item, and let what came of it look like what comes of a process."""
        from distributed.scheduler import KilledWorker  # noqa: PLC0415

        error: BaseException | None = None
        result = None
        try:
            result = await theirs._result(raiseit=False)
            if theirs.status == "error":
                _, error, trace = result
                if isinstance(error, KilledWorker):
                    error = BrokenExecutor()
                elif isinstance(error, ImportError):
                    error = PipelineError(f"a worker cannot import {error.name}: {BY_OURS}")
                else:
                    error = error.with_traceback(trace)
            elif theirs.status != "finished":
                error = self._gone()
        except (Exception, asyncio.CancelledError):  # while the result was fetched
            error = self._gone()
        self._end(ours, result, error)

    async def _watch(self) -> None:
        """Give up if no worker works for a while."""
        seen = time.monotonic()
        while self._client.status in ("running", "connecting"):
            await asyncio.sleep(POLL)
            with suppress(Exception):  # whether the scheduler is gone is seen by whoever waits for an item
                known = (await self._client.scheduler.identity())["workers"].values()
                workers = [worker for worker in known if self._needs.keys() <= worker["resources"].keys()]
                if any(worker["status"] == "running" for worker in workers):
                    seen = time.monotonic()
                elif time.monotonic() - seen > PATIENCE:
                    for ours in [*self._waiting]:
                        self._end(ours, None, self._idle(bool(workers)))

    def _end(self, ours: Future[Any], result: Any, error: BaseException | None) -> None:
        self._waiting.discard(ours)
        if ours.done():
            return
        if error is None:
            ours.set_result(result)
        else:
            ours.set_exception(error)

    def _idle(self, there: bool) -> PipelineError:
        what = f"stand still for want of memory: {self.advice}" if there else "are gone: start some and run again"
        return PipelineError(f"all workers of the Dask scheduler at {self._address} {what}; what was finished is kept")

    def _gone(self) -> PipelineError:
        return PipelineError(
            f"the Dask scheduler at {self._address} is gone: start it and its workers and run again; what was finished "
            "is kept"
        )


def _address(scheduler: str) -> str:
    """The address that is given, or stands in the file that is."""
    if "://" in scheduler:
        return scheduler
    try:
        return str(json.loads(Path(scheduler).read_bytes())["address"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise PipelineError(
            f"the environment variable {SCHEDULER} is {scheduler[:200]!r}: expected an address as tcp://host:8786, or "
            "the file that `dask scheduler --scheduler-file` wrote"
        ) from error


def _connected(address: str) -> "Client":
    try:
        from distributed import Client  # noqa: PLC0415  (an extra)
    except ImportError as error:
        raise PipelineError(
            f"the environment variable {SCHEDULER} is set, but Dask is not installed: run `pip install -c "
            "constraints.txt -e '.[cluster]'`"
        ) from error
    for name in LOUD:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    warnings.filterwarnings("ignore", module="distributed")
    try:
        # A client that cannot connect stays for a while, and says so when it goes.
        asyncio.run(asyncio.wait_for(_ask(address), CONNECT))
        return Client(address, timeout=CONNECT, set_as_default=False)
    except Exception as error:  # Dask raises anything
        raise PipelineError(
            f"the environment variable {SCHEDULER} leads to {address[:200]!r}, where no Dask scheduler answers: start "
            f"one or put it right, {HELP}"
        ) from error


async def _ask(address: str) -> None:
    """Ask a scheduler who it is.

    Raises:
        Exception: Anything, if nobody answers, or somebody else.
    """
    from distributed import Security, rpc  # noqa: PLC0415

    async with rpc(address, connection_args=Security().get_connection_args("client")) as scheduler:
        if (await scheduler.identity())["type"] != "Scheduler":
            raise ValueError


def _check(client: "Client", lead: Lead, address: str) -> set[str]:
    """Check all that are there, and return what they declare; a worker that joins later checks itself."""
    try:
        python = client.run_on_scheduler(platform.python_version)
        client.run_on_scheduler(begin)
        client.wait_for_workers(1, BEGIN)
        answers = client.run(difference_of, lead, on_error="return")
        workers = client.scheduler_info(n_workers=-1)["workers"].values()  # some versions of Dask tell of five
    except TimeoutError as error:
        raise PipelineError(f"the Dask scheduler at {address} has no workers: start some, {HELP}") from error
    except Exception as error:
        raise PipelineError(
            f"the Dask scheduler at {address} cannot be used ({type(error).__name__}): {BY_OURS}"
        ) from error
    if python != lead.python:
        raise PipelineError(f"the Dask scheduler at {address} runs Python {python}, but this process {lead.python}")
    for worker, answer in sorted(answers.items()):
        if isinstance(answer, ImportError | AttributeError):
            raise PipelineError(f"the worker {worker} cannot import this pipeline: {BY_OURS}")
        if isinstance(answer, str) and answer:
            raise PipelineError(answer)
    return {resource for worker in workers for resource in worker["resources"]}
