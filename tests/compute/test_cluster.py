"""Work on a Dask scheduler and workers that are processes of their own."""

import contextlib
import importlib
import os
import pickle
import re
import shutil
import signal
import sys
import tarfile
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pipeline.compute import cluster as cluster_module
from pipeline.compute import portions
from pipeline.compute.cluster import cluster_pool
from pipeline.compute.cluster_worker import Lead, difference_of, run_item
from pipeline.compute.code_version import library_checksum, package_versions
from pipeline.compute.device import Workplace
from pipeline.compute.scratch import _call, each_part, make_parts
from pipeline.compute.workers import SCHEDULER, process_all
from pipeline.data import thumbnails
from pipeline.data.inventory import _rows, make_inventory
from pipeline.data.thumbnails import make_thumbnails
from pipeline.demo.slides import make_slides
from pipeline.errors import PipelineError
from pipeline.features.frozen import FrozenFeatures
from pipeline.params.demo import DemoSlides
from pipeline.stage import run_stage
from stages import normalize_tiles, sample_tiles, tissue_masks
from tests.compute.jobs import (
    ITEMS,
    begin,
    begin_slowly,
    die_at_c,
    die_once,
    environment,
    fill_the_disk,
    place,
    square,
    write_atomically,
    write_elsewhere,
    write_slowly,
    write_text,
    write_time,
)
from tests.dask_cluster import Cluster, kill_one_at_work, wait_until
from tests.data.slides.test_stages import ARM, RAW, outputs, write_settings, write_table
from tests.forked import Fork
from tests.import_closure import ROOT

distributed = pytest.importorskip("distributed")

WORKERS = 3


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A scheduler with three workers, which were told of another one."""
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        for _ in range(WORKERS):
            cluster.add_worker(**{SCHEDULER: "tcp://127.0.0.1:1"})
        with client_of(cluster) as client:
            client.wait_for_workers(WORKERS, 60)
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture
def cluster(running: Cluster, in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """The same, for work that is led from an empty folder."""
    monkeypatch.setenv(SCHEDULER, running.address)
    return running


@pytest.fixture
def bare(
    in_folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Cluster]:
    """A scheduler without workers, of one test alone."""
    cluster = Cluster(tmp_path_factory.mktemp("bare"))
    monkeypatch.setenv(SCHEDULER, str(cluster.file))
    try:
        yield cluster
    finally:
        cluster.stop()


@contextlib.contextmanager
def client_of(cluster: Cluster) -> Iterator[Any]:
    """Dask's own client."""
    with distributed.Client(cluster.address, set_as_default=False) as client:
        yield client


def read_text(part: Path) -> str:
    with np.load(part) as content:
        return str(content["text"])


def test_results_come_in_the_order_of_the_items_and_progress_is_told_as_of_processes(
    cluster: Cluster, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert list(process_all(square, range(20), 1, "squares")) == [number**2 for number in range(20)]
    told = capsys.readouterr()
    monkeypatch.delenv(SCHEDULER)
    list(process_all(square, range(20), 1, "squares"))
    assert capsys.readouterr() == told


def test_workers_compute_in_the_folder_of_the_leading_process_with_one_thread(cluster: Cluster) -> None:
    folders, processes, threads = zip(*process_all(place, range(12), 1, "places"), strict=True)
    assert set(folders) == {os.getcwd()}  # noqa: PTH109
    assert os.getpid() not in processes
    assert set(threads) == {1}
    assert not any(Path(".cache/cluster").iterdir())


def test_where_results_are_large_few_of_them_wait(cluster: Cluster) -> None:
    taken = []
    for result in process_all(begin, range(24), 1, "items", ahead=2):
        taken.append(result)
        assert len([*Path().glob("begun-*")]) <= len(taken) + 2 * WORKERS
        time.sleep(0.02)  # others could begin meanwhile
    assert taken == [*range(24)]


@pytest.mark.parametrize("mapped", [True, False], ids=["by rows of their file", "as pixels"])
def test_features_of_many_images_are_seen_by_workers_to_the_same_bytes(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, mapped: bool
) -> None:
    np.save("images.npy", np.random.default_rng(0).integers(0, 256, (150, 16, 16, 1), dtype=np.uint8))
    images = np.load("images.npy", mmap_mode="r") if mapped else np.load("images.npy")
    rows = np.arange(149, -1, -1)
    monkeypatch.setattr(portions, "MOST", 64 * images[0].nbytes)  # three portions
    seen = FrozenFeatures("efficientnet_lite0", None, ("expand1",), None, None, Workplace(features=Path("features")))
    by_workers = seen.pooled(images, rows)
    assert len([*Path("features").glob("*.npy")]) == 3
    shutil.rmtree("features")
    monkeypatch.delenv(SCHEDULER)
    np.testing.assert_array_equal(seen.pooled(images, rows), by_workers)


def test_an_item_waits_for_no_other_items(cluster: Cluster) -> None:
    """Whoever starts workers with the scheduler's address in their environment has no deadlock."""
    assert {*process_all(environment, [SCHEDULER] * 4, 1, "items")} == {None}


@pytest.mark.parametrize("last", [7, 5])
def test_the_item_of_a_worker_that_dies_is_done_again_also_if_it_is_the_last(cluster: Cluster, last: int) -> None:
    assert list(process_all(die_once, range(last + 1), 1, "items")) == [*range(last + 1)]
    assert Path("died").exists()


def test_an_item_that_kills_every_worker_is_named_alone(cluster: Cluster) -> None:
    said = r"letters: a worker process was killed.*--memory-limit.*what was finished is kept; at work were: "
    with pytest.raises(PipelineError, match=said + ITEMS[2][0] + "$"):
        make_parts(die_at_c, ITEMS, Path("parts"), 1, "letters", "letters")
    assert [read_text(part) for part in make_parts(write_text, ITEMS, Path("parts"), 1, "letters", "letters")] == [
        *"abcdef"
    ]


def test_what_an_item_raises_reaches_the_leading_process(cluster: Cluster) -> None:
    with pytest.raises(OSError, match="No space left on device") as raised:
        make_parts(fill_the_disk, ITEMS, Path("parts"), 1, "letters", "letters")
    assert raised.value.filename == f"parts/{ITEMS[0][0]}.npz"


def test_code_that_workers_lack_is_one_sentence(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("only_here.py").write_text("def work(_): pass\n", encoding="utf-8")
    monkeypatch.syspath_prepend(Path.cwd())
    work = importlib.import_module("only_here").work
    with pytest.raises(PipelineError, match=r"^a worker cannot import only_here: start it by the environment of this"):
        list(process_all(work, range(2), 1, "items"))


def test_parts_that_are_not_seen_here_are_one_sentence(cluster: Cluster) -> None:
    with pytest.raises(PipelineError, match=r"parts/.* was made .* not seen here: parts has to be one folder on all"):
        make_parts(write_elsewhere, ITEMS[:1], Path("parts"), 1, "letters", "letters")


def test_a_folder_of_parts_that_a_worker_does_not_see_is_one_sentence(cluster: Cluster) -> None:
    said = r"^parts is not seen on \S+: it has to be one folder on all machines"
    with cluster_pool(cluster.address) as pool, pytest.raises(PipelineError, match=said):
        pool.submit(_call, write_text, ("a", Path("parts/a.npz"))).result()


def lead_of(folder: Path) -> Lead:
    """What a leading process in a folder asks for."""
    return Lead(
        str(folder),
        "token",
        sys.version.split(maxsplit=1)[0],
        package_versions(),
        library_checksum(),
    )


def test_a_worker_that_differs_from_the_leading_process_refuses_its_items(cluster: Cluster) -> None:
    Path(".cache/cluster").mkdir(parents=True)
    Path(".cache/cluster/token").write_text("token", encoding="utf-8")
    lead = lead_of(Path.cwd())
    other = {
        "": lead,
        "runs Python .*, but the leading process 3.10.1: use one environment": replace(lead, python="3.10.1"),
        "has numpy [^,]*, unlike the leading process": replace(
            lead, packages=tuple(f"{name}x" if name.startswith("numpy") else name for name in lead.packages)
        ),
        "has other code than the leading process: start it again": replace(lead, code="other"),
        "does not see /nowhere as it is here: all machines have to share it": replace(lead, folder="/nowhere"),
        f"does not see {Path.cwd()} as it is here": replace(lead, token="another"),  # noqa: S106
    }
    with client_of(cluster) as client:
        for says, asked in other.items():
            (answer, *more) = set(client.run(difference_of, asked, workers=[*client.nthreads()][:1]).values())
            assert not more
            if not says:
                assert answer == ""
                assert client.submit(run_item, asked, pickle.dumps(partial(square, 3)), pure=False).result() == 9
                continue
            with pytest.raises(PipelineError, match=rf"^the worker tcp://127\.0\.0\.1:\d+ on \S+ {says}"):
                client.submit(run_item, asked, pickle.dumps(partial(square, 3)), pure=False).result()
            assert says.split()[0] in answer


def make_letters() -> str:
    make_parts(write_atomically, ITEMS, Path("parts"), 1, "letters", "letters")
    return "done"


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
def test_two_leading_processes_at_the_same_parts_both_come_out_right(fork: Fork) -> None:
    other = fork(run_stage, make_letters)
    parts = make_parts(write_atomically, ITEMS, Path("parts"), 1, "letters", "letters")
    assert [read_text(part) for part in parts] == [*"abcdef"]
    _, errors = other.communicate()
    assert (other.returncode, errors) == (0, "")
    assert [read_text(part) for part in parts] == [*"abcdef"]


def sleep_and_sleep() -> str:
    list(process_all(time.sleep, [0.1, *[2.0] * 30], 1, "sleeping"))
    return "done"


@pytest.mark.slow
def test_an_interruption_is_one_line_at_once(cluster: Cluster, fork: Fork) -> None:
    lead = fork(run_stage, sleep_and_sleep)
    lead.stdout.readline()
    os.killpg(lead.pid, signal.SIGINT)
    _, errors = lead.communicate()
    assert (lead.returncode, errors) == (130, "interrupted: run again to go on; what was finished is kept\n")
    with client_of(cluster) as client:  # nothing is left for the workers to do
        wait_until(lambda: not any(client.processing().values()))


def test_files_are_listed_and_checksummed_as_by_threads(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    root = Path("films")
    root.mkdir()
    for number in range(40):
        (root / f"{number}.png").write_bytes(bytes([number] * number))
    with tarfile.open(root / "more.tar.gz", "w:gz") as tar:
        tar.add(root / "7.png", "inner/7.png")
    make_inventory(root, Path("cluster.csv"), Path("cluster.json"))
    (root / "3.png").write_bytes(b"changed")
    monkeypatch.delenv(SCHEDULER)
    make_inventory(root, Path("threads.csv"), Path("threads.json"))
    monkeypatch.setenv(SCHEDULER, cluster.address)
    make_inventory(root, Path("cluster.csv"), Path("cluster.json"))  # reads what changed
    for kind in ("csv", "json"):
        assert Path(f"cluster.{kind}").read_bytes() == Path(f"threads.{kind}").read_bytes()
    assert b"more.tar.gz/inner/7.png" in Path("cluster.csv").read_bytes()
    (root / "5.png").unlink()
    with pytest.raises(PipelineError, match=r"^films/5\.png cannot be read \(No such file or directory\)"):
        _rows(root, ["5.png"], Path("gone.json"))


@pytest.mark.parametrize(
    ("scheduler", "says"),
    [
        ("tcp://127.0.0.1:1", "leads to 'tcp://127.0.0.1:1', where no Dask scheduler answers: start one"),
        ("tcp://", "leads to 'tcp://', where no"),
        ("http://127.0.0.1:1", "leads to 'http://127.0.0.1:1', where no"),
        ("tcp://127.0.0.1:99999", "leads to 'tcp://127.0.0.1:99999', where no"),
        ("no_file", "is 'no_file': expected an address as tcp://host:8786, or the file"),
        (".", "is '.': expected"),
        ("text", "is 'text': expected"),
        ("list", "is 'list': expected"),
    ],
)
def test_where_no_scheduler_is_one_sentence_says_so(
    in_folder: Path, monkeypatch: pytest.MonkeyPatch, scheduler: str, says: str
) -> None:
    Path("text").write_text("no JSON", encoding="utf-8")
    Path("list").write_text("[]", encoding="utf-8")
    monkeypatch.setattr(cluster_module, "CONNECT", 1.0)
    monkeypatch.setenv(SCHEDULER, scheduler)
    with pytest.raises(PipelineError, match=rf"^the environment variable PIPELINE_SCHEDULER {re.escape(says)}"):
        list(process_all(square, range(4), 1, "squares"))


def test_a_worker_is_no_scheduler(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    with client_of(cluster) as client:
        worker = next(iter(client.nthreads()))
    monkeypatch.setenv(SCHEDULER, worker)
    with pytest.raises(PipelineError, match="where no Dask scheduler answers"):
        list(process_all(square, range(4), 1, "squares"))


@pytest.mark.slow
def test_workers_that_cannot_be_used_are_refused_before_work(
    bare: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_module, "BEGIN", 0.2)
    with pytest.raises(PipelineError, match=r"^the Dask scheduler at \S+ has no workers: start some"):
        list(process_all(square, range(4), 1, "squares"))
    monkeypatch.setattr(cluster_module, "BEGIN", 60)
    two_threads = bare.add_worker(threads=2)
    with pytest.raises(PipelineError, match=r"^the worker \S+ on \S+ has 2 threads: start it with `--nthreads 1`"):
        list(process_all(begin, range(4), 1, "items"))
    bare.stop(two_threads)
    shutil.copytree(ROOT / "pipeline", tmp_path / "other/pipeline", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "other/pipeline/layout.py").open("a").write("\n")
    bare.add_worker(PYTHONPATH=str(tmp_path / "other"))
    with pytest.raises(PipelineError, match=r"^the worker \S+ on \S+ has other code than the leading process"):
        list(process_all(begin, range(4), 1, "items"))
    assert not [*Path().glob("begun-*")]


@pytest.mark.slow
def test_a_worker_that_joins_later_is_checked_as_well(bare: Cluster) -> None:
    bare.add_worker()
    results = process_all(begin_slowly, range(600), 1, "items")
    assert next(results) == 0
    bare.add_worker(threads=2)
    with pytest.raises(PipelineError, match=r"^the worker \S+ on \S+ has 2 threads"):
        list(results)


@pytest.mark.slow
def test_work_goes_on_where_it_was_when_all_workers_or_the_scheduler_were_gone(
    bare: Cluster, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cluster_module, "PATIENCE", 0.0)
    worker = bare.add_worker()
    parts = each_part(write_slowly, ITEMS, Path("parts"), 1, "letters", "letters")
    next(parts)
    bare.stop(worker)
    with pytest.raises(
        PipelineError, match=r"^all workers of the Dask scheduler at \S+ are gone: start some and run a"
    ):
        list(parts)
    bare.add_worker()
    parts = each_part(write_slowly, ITEMS, Path("parts"), 1, "letters", "letters")
    assert [next(parts).stem for _ in range(3)] == [key for key, _ in ITEMS[:3]]
    bare.stop(bare.scheduler)
    with pytest.raises(
        PipelineError, match=r"^the Dask scheduler at \S+ is gone: start it .* what was finished is kept$"
    ):
        list(parts)
    monkeypatch.delenv(SCHEDULER)
    capsys.readouterr()
    parts = each_part(write_text, ITEMS, Path("parts"), 1, "letters", "letters")
    assert [read_text(part) for part in parts] == [*"abcdef"]
    assert re.match(r"letters: [345] of 6 were finished before", capsys.readouterr().out)


@pytest.mark.slow
def test_workers_that_stand_still_for_want_of_memory_are_one_sentence(
    bare: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_module, "PATIENCE", 0.0)
    bare.add_worker(DASK_DISTRIBUTED__WORKER__MEMORY__PAUSE="0.0001")
    said = r"^all workers of the Dask scheduler at \S+ stand still for want of memory: .*`--memory-limit`"
    with pytest.raises(PipelineError, match=said):
        list(process_all(begin_slowly, range(600), 1, "items"))


@pytest.mark.slow
def test_a_clock_that_is_off_does_not_matter(bare: Cluster, tmp_path: Path) -> None:
    hour_ahead = "import time\nright = time.time\ntime.time = lambda: right() + 3600\n"
    (tmp_path / "sitecustomize.py").write_text(hour_ahead, encoding="utf-8")
    bare.add_worker(PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}")
    parts = make_parts(write_time, ITEMS, Path("parts"), 1, "letters", "letters")
    assert min(float(read_text(part)) for part in parts) > time.time() + 3000
    assert make_parts(write_text, ITEMS, Path("parts"), 1, "letters", "letters") == parts


@contextlib.contextmanager
def one_dies_at_work(cluster: Cluster, folder: Path) -> Iterator[None]:
    """Kill a worker by -9 as soon as something is done in a folder of parts."""
    killed: list[int] = []
    with client_of(cluster) as client:
        killer = Thread(target=kill_one_at_work, args=(client, folder, killed))
        killer.start()
        yield
        killer.join()
        client.wait_for_workers(WORKERS, 60)
        assert set(killed).isdisjoint(client.run(os.getpid).values())
    assert killed


@pytest.mark.slow
def test_slides_are_masked_and_normalised_to_the_same_bytes_though_a_worker_dies(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_settings()
    make_slides(RAW, DemoSlides(normal=3, tumour=1, test_normal=1, test_tumour=1, blank=0, size=2304), 0, 1)
    write_table()
    found = []
    for by_cluster in (True, False):
        if not by_cluster:
            monkeypatch.delenv(SCHEDULER)
        for stage in (tissue_masks, sample_tiles, normalize_tiles):
            name = stage.__name__.removeprefix("stages.")
            dies = by_cluster and stage is not sample_tiles
            with one_dies_at_work(cluster, Path(".cache") / name) if dies else contextlib.nullcontext():
                stage.main(ARM)
        found.append(outputs())
        shutil.rmtree("data/interim")
        shutil.rmtree("data/prepared")
    assert found[0] == found[1]
    assert len(found[0]) > 15


@pytest.mark.slow
def test_thumbnails_are_the_same_bytes_though_a_worker_dies(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    root = Path("films")
    root.mkdir()
    for number in range(12):
        pixels = np.random.default_rng(number).integers(0, 256, (1500, 1500), np.uint8)
        Image.fromarray(pixels).save(root / f"{number:02}.png", compress_level=1)
    inventory = make_inventory(root, Path("films.csv"), Path("films.json"))
    films = inventory.rename(columns={"path": "source"})[["source", "md5"]]
    monkeypatch.setattr(thumbnails, "CHUNK", 1)
    with one_dies_at_work(cluster, Path("cluster")):
        made = make_thumbnails(root, films, inventory, 33, Path("cluster"), 1)
    monkeypatch.delenv(SCHEDULER)
    alone = make_thumbnails(root, films, inventory, 33, Path("alone"), 1)
    for name in ("images.npy", "index.csv"):
        assert Path("cluster", made.key, name).read_bytes() == Path("alone", alone.key, name).read_bytes()
