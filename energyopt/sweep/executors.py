"""Who works: processes of this machine, or a Dask cluster, behind one interface.

Both are a :class:`concurrent.futures.Executor`: ``submit(function, task)`` -> future.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import queue
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, NamedTuple

from energyopt.errors import CaseError, DataError
from energyopt.yamltree import nearest

TRIES = 2
"""How often a task is begun, where its worker goes away."""
TASKS_EACH = 25
"""After so many a process makes room for a new one: memory comes back in full."""
GRACE_S = 5.0
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class WorkerLost(Exception):  # noqa: N818  (it is the worker that is lost, not a fault)
    """A worker went away in the middle of a task, each time it was begun."""


class Processes(Executor):
    """Processes of this machine, begun afresh (spawn) and kept.

    A process that dies takes no other with it: its task is begun once more in another,
    and then given up. When this process dies, they end at once.

    Parameters
    ----------
    workers : int
        How many.
    """

    def __init__(self, workers: int) -> None:
        self.tasks: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.ended = threading.Event()
        self.busy: set[Any] = set()
        self.threads = [
            threading.Thread(target=self._attend, daemon=True) for _ in range(workers)
        ]
        for thread in self.threads:
            thread.start()

    def submit(
        self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any
    ) -> Future[Any]:
        """Return the future of a function of one argument; both must pickle."""
        future: Future[Any] = Future()
        self.tasks.put((future, fn, *args))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes; with ``cancel_futures`` in the middle of their tasks."""
        if cancel_futures:
            self.ended.set()
            for process in list(self.busy):
                process.kill()
        for _ in self.threads:
            self.tasks.put(None)
        for thread in self.threads if wait else ():
            thread.join()

    def _attend(self) -> None:
        """Hand tasks to one process, a new one where it dies."""
        worker: _Worker | None = None
        done = 0
        while (asked := self.tasks.get()) is not None and not self.ended.is_set():
            future, function, task = asked
            if not future.set_running_or_notify_cancel():
                continue
            for left in reversed(range(TRIES)):
                try:
                    worker = worker or self._begin()
                    self.busy.add(worker.process)
                    worker.pipe.send((function, task))
                    worked, found = worker.pipe.recv()
                    self.busy.discard(worker.process)
                except (EOFError, OSError):
                    self._end(worker)
                    worker = None
                    if left and not self.ended.is_set():
                        continue
                    what = "the worker died (killed, or out of memory)"
                    future.set_exception(WorkerLost(what))
                except Exception as error:  # what cannot be sent
                    future.set_exception(error)
                else:
                    settle = future.set_result if worked else future.set_exception
                    settle(found)
                break
            done += 1
            if done % TASKS_EACH == 0:
                self._end(worker)
                worker = None
        self._end(worker)

    def _begin(self) -> _Worker:
        ours, theirs = multiprocessing.Pipe()
        context = multiprocessing.get_context("spawn")
        process = context.Process(target=_serve, args=(theirs,), daemon=True)
        with _one_thread_each():
            process.start()
        theirs.close()
        return _Worker(process, ours)

    def _end(self, worker: _Worker | None) -> None:
        if worker is not None:
            worker.pipe.close()  # one that waits for a task ends by itself
            worker.process.join(GRACE_S)
            worker.process.kill()
            worker.process.join()
            self.busy.discard(worker.process)


class _Worker(NamedTuple):
    process: Any
    pipe: Any


_STARTING = threading.Lock()


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Let the numerical libraries of a process that is begun here use one thread."""
    with _STARTING:
        before = {name: os.environ.get(name) for name in _ONE_THREAD}
        os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))
        try:
            yield
        finally:
            for name, value in before.items():
                os.environ.pop(name, None)
                if value is not None:
                    os.environ[name] = value


def _serve(pipe: Any) -> None:
    """Do one task after the other, until the other end is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who sends the tasks
    os.dup2(2, 1)  # stdout is for results alone
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with suppress(EOFError, OSError):
        while True:
            function, task = pipe.recv()
            try:
                answer = True, function(task)
            except Exception as error:
                answer = False, RuntimeError(f"{type(error).__name__}: {error}")
            pipe.send(answer)


def _end_with_parent() -> None:
    """End in the middle of a task when the process that asked for it is gone."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@contextmanager
def processes(workers: int) -> Iterator[Executor]:
    """Give processes of this machine; what is under way at the end is given up."""
    executor = Processes(workers)
    try:
        yield executor
    finally:
        executor.shutdown(cancel_futures=True)


# Dask ----------------------------------------------------------------------------------


class Named(NamedTuple):
    """A cluster that is begun here, with the options of Dask's own config."""

    module: str
    maker: str
    package: str
    config: str
    """Where its options stand."""
    command: str | None = None
    """What has to be on the PATH."""


NAMED = {
    "slurm": Named(
        "dask_jobqueue", "SLURMCluster", "dask-jobqueue", "jobqueue.slurm", "sbatch"
    ),
    "kubernetes": Named(
        "dask_kubernetes.operator", "KubeCluster", "dask-kubernetes", "kubernetes"
    ),
}


def check_scheduler(where: str | None) -> None:
    """Refuse what is neither an address nor a named cluster.

    Raises
    ------
    CaseError
        With what may have been meant.
    """
    if where is None or where in NAMED or ":" in where:
        return
    names = " or ".join(NAMED)
    meant = nearest(where, list(NAMED))
    hint = f" - did you mean '{meant}'" if meant else ""
    raise CaseError(
        f"--scheduler {where}: an address such as tcp://10.0.0.5:8786, or {names}{hint}"
    )


@contextmanager
def cluster(where: str, most: int = 1) -> Iterator[Executor]:
    """Give the workers of a Dask cluster; what is under way at the end is given up.

    A worker that goes away has its task begun anew on another, by Dask. Let workers
    have one thread each (``dask worker --nthreads 1``).

    Parameters
    ----------
    where : str
        Address of a scheduler, such as ``tcp://10.0.0.5:8786``; or a name in
        :data:`NAMED`: such a cluster is begun here and ended with the block.
    most : int
        Workers that a named cluster grows to as there is work.

    Raises
    ------
    DataError
        If Dask is not installed, nobody answers there, or no cluster can be begun.
    """
    distributed = _imported("distributed", "Dask", where)
    with ExitStack() as stack:
        made: Any = stack.enter_context(_begun(where)) if where in NAMED else where
        try:
            client = distributed.Client(made, timeout="10s", set_as_default=False)
        except (OSError, ValueError) as error:
            raise DataError(f"--scheduler {where}: {error}") from None
        stack.callback(client.close)
        if where in NAMED:
            made.adapt(minimum=1, maximum=max(most, 1))
        yield client.get_executor(pure=False, retries=TRIES)


@contextmanager
def _begun(name: str) -> Iterator[Any]:
    """Give a named cluster."""
    spec = NAMED[name]
    maker = getattr(_imported(spec.module, spec.package, name), spec.maker)
    if spec.command is not None and shutil.which(spec.command) is None:
        what = f"there is no {spec.command} here; begin it where jobs are submitted"
        raise DataError(f"--scheduler {name}: {what}")
    try:
        made = maker()
    except Exception as error:  # of the package, of its config, or of the cluster
        for half in list(getattr(maker, "_instances", ())):
            half.shutdown_on_close = False  # never begun: nothing to end at exit
        told = str(error).strip().partition("\n")[0] or type(error).__name__
        options = f"its options stand in Dask's config under {spec.config}"
        raise DataError(f"--scheduler {name}: {told} ({options})") from None
    try:
        yield made
    finally:
        made.close()


def _imported(module: str, package: str, where: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError:
        raise DataError(
            f"--scheduler {where} needs {package}: pip install 'energyopt[cluster]'"
        ) from None


def default_workers() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
