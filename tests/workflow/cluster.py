"""A Slurm cluster of one node, on this machine, in a folder; started and stopped by the tests.

munged, slurmctld and slurmd of the operating system run on localhost under free ports. There is
no accounting and no cgroup: memory is kept by polling (``OverMemoryKill``).
"""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

DAEMONS = ("munged", "slurmctld", "slurmd", "sinfo", "squeue", "sbatch", "srun", "scancel")
SBIN = ("/usr/sbin", "/sbin")
CPUS, MEMORY_MB = 2, 24_000
CONFIG = """\
ClusterName=single
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CryptoType=crypto/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=1,batch_sched_delay=0
MailProg=/bin/true
MpiDefault=none
ReturnToService=2
MinJobAge=600
KillWait=2
InactiveLimit=0
SlurmctldTimeout=60
SlurmdTimeout=60
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory} Gres=gpu:1 State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


class Job(NamedTuple):
    """What Slurm knows of a job, as text."""

    comment: str
    state: str
    memory: str
    limit: str
    threads: str
    gpus: str


class Slurm:
    """A running cluster; ``environment`` makes the commands of Slurm find it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = os.environ | {
            "SLURM_CONF": str(folder / "slurm.conf"),
            "PATH": os.pathsep.join([str(folder / "bin"), os.environ["PATH"], *SBIN]),
        }
        self._daemons: list[subprocess.Popen[bytes]] = []

    def call(self, *command: str) -> str:
        done = subprocess.run(
            command,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        )
        return done.stdout

    def start(self) -> None:
        """Start the daemons and wait until the node takes jobs."""
        self._configure()
        munge = [
            f"--socket={self.folder}/munge.socket",
            f"--key-file={self.folder}/munge.key",
            f"--pid-file={self.folder}/munge.pid",
            f"--log-file={self.folder}/munge.log",
            f"--seed-file={self.folder}/munge.seed",
        ]
        self._launch("munged", "--foreground", "--force", *munge)
        self._wait((self.folder / "munge.socket").exists)
        self._launch("slurmctld", "-D")
        self._launch("slurmd", "-D", "-N", socket.gethostname().split(".")[0])
        self._wait(lambda: "idle" in self.call("sinfo", "--noheader", "--format=%T"))

    def stop(self) -> None:
        """End all jobs and daemons; never fails."""
        with contextlib.suppress(subprocess.SubprocessError, OSError):
            self.call("scancel", "--signal=KILL", "--user", _user())
        for daemon in reversed(self._daemons):
            daemon.terminate()
            try:
                daemon.wait(timeout=15)
            except subprocess.TimeoutExpired:
                os.killpg(daemon.pid, signal.SIGKILL)
                daemon.wait(timeout=15)

    def jobs(self) -> list[Job]:
        """Every job so far, in order of submission."""
        fields = {"comment": 60, "state": 20, "minmemory": 20, "timelimit": 20, "numcpus": 10}
        fields |= {"tres-per-job": 30}
        form = ",".join(f"{name}:{width}" for name, width in fields.items())
        text = self.call("squeue", "--noheader", "--states=all", "--sort=i", f"--Format={form}")
        return [Job(*line.split()) for line in text.splitlines()]

    def _configure(self) -> None:
        for name in ("state", "spool", "bin"):
            (self.folder / name).mkdir()
        # the executor takes SLURM_CONF out of the environment of a job
        srun = self.folder / "bin" / "srun"
        real = shutil.which("srun", path=self.environment["PATH"])
        lines = ["#!/bin/sh", f'SLURM_CONF={self.folder}/slurm.conf exec {real} "$@"', ""]
        srun.write_text("\n".join(lines), encoding="utf-8")
        srun.chmod(0o755)
        key = self.folder / "munge.key"
        key.write_bytes(secrets.token_bytes(128))
        key.chmod(0o400)
        host = socket.gethostname().split(".")[0]
        settings = {"host": host, "ports": _free_ports(2), "user": _user(), "folder": self.folder}
        text = CONFIG.format(cpus=CPUS, memory=MEMORY_MB, **settings)
        (self.folder / "slurm.conf").write_text(text, encoding="utf-8")
        gres = f"NodeName={host} Name=gpu File=/dev/null\n"
        (self.folder / "gres.conf").write_text(gres, encoding="utf-8")

    def _launch(self, *command: str) -> None:
        with (self.folder / f"{command[0]}.out").open("wb") as out:
            self._daemons.append(
                subprocess.Popen(
                    command,
                    env=self.environment,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            )

    def _wait(self, ready: Callable[[], bool], seconds: float = 40) -> None:
        limit = time.monotonic() + seconds
        while time.monotonic() < limit and all(d.poll() is None for d in self._daemons):
            with contextlib.suppress(subprocess.SubprocessError):
                if ready():
                    return
            time.sleep(0.3)
        logs = "\n".join(
            f"--- {path.name}\n{path.read_text(errors='replace')[-1500:]}"
            for path in sorted(self.folder.iterdir())
            if path.suffix in (".log", ".out")
        )
        msg = f"A daemon ended, or the cluster did not come up within {seconds:.0f} s.\n{logs}"
        raise TimeoutError(msg)


def missing() -> str | None:
    """Why no cluster can be started here, None when it can."""
    path = os.pathsep.join([os.environ.get("PATH", ""), *SBIN])
    absent = [name for name in DAEMONS if shutil.which(name, path=path) is None]
    if absent:
        return f"needs {', '.join(absent)} (Debian packages slurm-wlm and munge)"
    return None


@contextlib.contextmanager
def single_node() -> Iterator[Slurm]:
    """Run a cluster for the length of a block."""
    # sockets have short paths only, and munged wants a folder that others cannot write to
    folder = Path(tempfile.mkdtemp(prefix="slurm"))
    folder.chmod(0o755)
    slurm = Slurm(folder)
    try:
        slurm.start()
        yield slurm
    finally:
        slurm.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _user() -> str:
    return pwd.getpwuid(os.getuid()).pw_name


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()
