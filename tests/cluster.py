"""A real Slurm on this machine, for as long as a command runs: no systemd, no accounting.

    python tests/cluster.py snakemake --profile workflow/profiles/slurm …

It needs root and Debian's packages slurm-wlm and munge. All daemons listen on the loopback
address, and keep their files in a temporary folder.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

# The job steps of Snakemake's plugin drop SLURM_CONF, so it has to be here.
CONFIGURATION = Path("/etc/slurm/slurm.conf")
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "scancel", "squeue", "sinfo")
PATIENCE = 60

# More CPUs than there may be, so that jobs run side by side even on one core.
TEMPLATE = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
SlurmdParameters=config_overrides
MailProg=/bin/true
AuthType=auth/munge
AuthInfo=socket={folder}/munge.sock
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
MpiDefault=none
ReturnToService=2
MinJobAge=3600
EnforcePartLimits=ALL
SchedulerParameters=batch_sched_delay=1,sched_interval=2
NodeName={host} NodeAddr=127.0.0.1 CPUs=6 RealMemory=64000 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def hindrance() -> str | None:
    """Return why no Slurm can be started here, or None."""
    if os.geteuid() != 0:
        return "it needs root"
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        return f"{', '.join(missing)} not found: apt-get install slurm-wlm munge"
    if CONFIGURATION.exists() or CONFIGURATION.is_symlink():
        return f"{CONFIGURATION} is there already: another Slurm runs, or one was killed"
    return None


@contextmanager
def cluster() -> Iterator[Path]:
    """Run a Slurm and yield the folder of its logs; afterwards nothing of it is left."""
    # A kill ends as Ctrl-C does, with all of it stopped.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="slurm-")))
        folder.chmod(0o755)  # munge refuses a socket that not everybody can reach
        for name in ("state", "spool"):
            (folder / name).mkdir()
        key = folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o600)
        CONFIGURATION.write_text(TEMPLATE.format(folder=folder, host=os.uname().nodename))
        stack.callback(CONFIGURATION.unlink)
        own = [f"--{kind}-file={folder}/munge.{kind}" for kind in ("key", "log", "pid", "seed")]
        stack.enter_context(daemon("munged", "--foreground", f"--socket={folder}/munge.sock", *own))
        stack.enter_context(daemon("slurmctld", "-D", "-c"))
        stack.enter_context(daemon("slurmd", "-D"))
        _wait_for_node(folder)
        stack.callback(subprocess.run, ["scancel", "--user=root"], check=True)
        yield folder


@contextmanager
def daemon(*command: str) -> Iterator[None]:
    """Run a daemon in the foreground, out of reach of a Ctrl-C, and stop it afterwards."""
    process = subprocess.Popen(
        command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for_node(folder: Path) -> None:
    states = ["sinfo", "--noheader", "--format=%T"]
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        state = subprocess.run(states, capture_output=True, text=True, check=False).stdout.strip()
        if state == "idle":
            return
        time.sleep(0.2)
    logs = "".join(log.read_text(errors="replace") for log in sorted(folder.glob("*.log")))
    raise RuntimeError(f"Slurm did not start: its node is {state or 'not there'}.\n{logs}")


def main() -> int:
    """Run the command of the command line beside a Slurm and return its exit code."""
    reason = hindrance()
    if reason:
        sys.exit(f"No Slurm can be started: {reason}.")
    with cluster():
        return subprocess.run(sys.argv[1:], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
