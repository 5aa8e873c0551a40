# SPDX-License-Identifier: GPL-2.0-or-later
"""A Slurm of this machine, for tests: controller, nodes and munge in a folder.

All nodes are this machine under other names. Nothing is installed or configured;
what was started ends with the block.
"""

import contextlib
import os
import pathlib
import pwd
import socket
import subprocess
import time

NEEDED = ("munged", "slurmctld", "slurmd", "sbatch", "scontrol", "squeue")
PATHS = "/usr/sbin:/sbin"
CONF = """\
ClusterName=zlab
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CryptoType=crypto/munge
SlurmctldPort={port}
SlurmctldPidFile={folder}/slurmctld.pid
SlurmctldLogFile={folder}/slurmctld.log
StateSaveLocation={folder}/state
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmdLogFile={folder}/slurmd-%n.log
SlurmdSpoolDir={folder}/spool-%n
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
ReturnToService=0
SlurmdTimeout=10
InactiveLimit=0
KillWait=2
MinJobAge=600
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SchedulerParameters=sched_min_interval=0,batch_sched_delay=0
{nodes}
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def _ports(count):
    """Free ports; somebody else may take one meanwhile."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


class Slurm:
    """Running daemons; `env` is what their commands need."""

    def __init__(self, folder, nodes, cpus=2, memory_mb=4000):
        self.folder = pathlib.Path(folder)
        self.nodes = nodes
        self.env = os.environ | {
            "SLURM_CONF": str(self.folder / "slurm.conf"),
            "PATH": f"{os.environ['PATH']}:{PATHS}",
        }
        self.daemons = {}
        self.cpus, self.memory_mb = cpus, memory_mb

    def __enter__(self):
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for child in reversed(self.daemons.values()):
            child.terminate()
        for child in self.daemons.values():
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()

    def _start(self):
        host, user = socket.gethostname(), pwd.getpwuid(os.getuid()).pw_name
        port, *ports = _ports(len(self.nodes) + 1)
        lines = [
            f"NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={own} "
            f"CPUs={self.cpus} RealMemory={self.memory_mb} State=UNKNOWN"
            for node, own in zip(self.nodes, ports)
        ]
        (self.folder / "slurm.conf").write_text(
            CONF.format(
                host=host,
                user=user,
                folder=self.folder,
                port=port,
                nodes="\n".join(lines),
            )
        )
        (self.folder / "state").mkdir()
        self._munge()
        self._daemon("slurmctld", "slurmctld", "-D", "-c")
        for node in self.nodes:
            (self.folder / f"spool-{node}").mkdir()
            self._daemon(node, "slurmd", "-D", "-N", node)
        self._until(lambda: self.run("sinfo", "-h", "-o", "%T").split(), "idle")

    def _munge(self):
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        self.folder.chmod(0o755)
        self._daemon(
            "munged",
            "munged",
            "--foreground",
            "--force",
            f"--key-file={key}",
            f"--socket={self.folder}/munge.socket",
            f"--pid-file={self.folder}/munge.pid",
            f"--log-file={self.folder}/munge.log",
            f"--seed-file={self.folder}/munge.seed",
        )
        self._until((self.folder / "munge.socket").is_socket)

    def _daemon(self, name, *command):
        with open(self.folder / f"{name}.out", "wb") as out:
            self.daemons[name] = subprocess.Popen(
                command, env=self.env, stdin=subprocess.DEVNULL, stdout=out, stderr=out
            )

    def _until(self, ready, *wanted):
        """Wait for a condition, or for it to name nothing but `wanted`."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            found = ready()
            if set(found) == set(wanted) if wanted else found:
                return
            for name, child in self.daemons.items():
                if child.poll() is not None:
                    raise RuntimeError(f"{name} ended: {self.log(name)}")
            time.sleep(0.2)
        raise RuntimeError(f"no Slurm after 60 s: {self.log('slurmctld')}")

    def log(self, name):
        """The end of what a daemon said."""
        said = ""
        for suffix in ("out", "log"):
            for path in self.folder.glob(f"*{name}.{suffix}"):
                said += path.read_text(errors="replace")
        return said[-2000:]

    def run(self, *command):
        """What a command of Slurm prints; nothing if it fails."""
        done = subprocess.run(
            command, env=self.env, capture_output=True, text=True, check=False
        )
        return done.stdout if done.returncode == 0 else ""

    def running(self):
        """(job, node) of each job that runs."""
        lines = self.run("squeue", "-h", "-t", "R", "-o", "%i %N").splitlines()
        return [tuple(line.split()) for line in lines]

    def lose(self, node):
        """A node is gone from one moment to the next, with all it ran."""
        child = self.daemons.pop(node)
        child.kill()
        child.wait()
        self.run("scontrol", "update", f"nodename={node}", "state=down", "reason=lost")
