"""An executor that shares nothing: each job runs in an empty folder, with no environment.

A job gets what the executor for Kubernetes gives it: its command line, in which the
sources are unpacked from the object store, and the variables that Snakemake was asked to pass on.
"""

import os
import subprocess
import tempfile
from collections.abc import AsyncGenerator
from pathlib import Path

from snakemake_interface_executor_plugins.executors.base import SubmittedJobInfo
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor
from snakemake_interface_executor_plugins.jobs import JobExecutorInterface
from snakemake_interface_executor_plugins.settings import CommonSettings

common_settings = CommonSettings(
    non_local_exec=True,
    implies_no_shared_fs=True,
    job_deploy_sources=True,
    pass_envvar_declarations_to_cmd=True,
    auto_deploy_default_storage_provider=False,  # it is installed, and no test downloads anything
)


class Executor(RemoteExecutor):  # type: ignore[misc]  # it has no types
    """Runs jobs as processes of this machine that know nothing of it but its programs."""

    next_seconds_between_status_checks = 0.2

    def run_job(self, job: JobExecutorInterface) -> None:
        folder = Path(tempfile.mkdtemp(prefix=f"{job.name}-"))
        with (folder.parent / f"{folder.name}.log").open("w") as log:
            process = subprocess.Popen(
                ["sh", "-c", self.format_job_exec(job)],
                cwd=folder,
                env={"PATH": os.environ["PATH"], "HOME": str(folder), "TMPDIR": str(folder)},
                stdout=log,
                stderr=log,
            )
        aux = {"process": process, "log": Path(log.name)}
        self.report_job_submission(SubmittedJobInfo(job, external_jobid=folder.name, aux=aux))

    async def check_active_jobs(
        self, active_jobs: list[SubmittedJobInfo]
    ) -> AsyncGenerator[SubmittedJobInfo, None]:
        for job in active_jobs:
            code = job.aux["process"].poll()
            if code is None:
                yield job
            elif code == 0:
                self.report_job_success(job)
            else:
                print(job.aux["log"].read_text(), flush=True)
                self.report_job_error(job)

    def cancel_jobs(self, active_jobs: list[SubmittedJobInfo]) -> None:
        for job in active_jobs:
            job.aux["process"].terminate()
