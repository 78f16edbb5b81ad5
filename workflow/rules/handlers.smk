"""What happens when a run starts, stops or ends."""

import _thread
import atexit
import logging
import signal
import sys
import threading
from contextlib import suppress

from snakemake.logging import logger


def handle_sigterm_in_a_thread():
    """Let Snakemake's handler of SIGTERM run in another thread.

    The handler takes a lock (Snakemake 9.27) that the main thread holds while it records the end of
    a job. Python runs handlers in the main thread, which would then wait for its own lock forever.
    `threading.Thread` takes locks too. tests/faults/test_sigterm.py has the smallest case.
    """
    if threading.current_thread() is threading.main_thread():
        handler = signal.getsignal(signal.SIGTERM)
        signal.signal(
            signal.SIGTERM, lambda *args: _thread.start_new_thread(handler, args)
        )


def stop_without_tracebacks():
    """Let Ctrl-C end this run and its jobs with one sentence.

    A terminal interrupts all processes, and each would show where it was. So jobs ignore that; they
    get SIGTERM instead, which ends a process silently, and on which `extract` keeps what it has.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, stop)
        shell.prefix("trap '' INT; ")


def stop(*_):
    """End the jobs and then this process. If Ctrl-C is pressed again, end the jobs again."""
    # Snakemake needs it, too. Imported here, since no other run does.
    import psutil

    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    if signal.getsignal(signal.SIGINT) is stop:
        signal.signal(signal.SIGINT, lambda *_: stop())
        # That the jobs ended is no error.
        logger.addFilter(lambda record: record.levelno < logging.ERROR)
        atexit.register(
            print, "Stopped. Run the same command again to continue.", file=sys.stderr
        )
        sys.exit(1)


def lift_limit_of_jobs_per_time():
    """Remove the limit of jobs that start in a second, if all run on this computer.

    It spares the schedulers of clusters. Here Snakemake (9.27) would wait for that second at the
    end of the run.
    """
    if workflow.local_exec:
        workflow.scheduler.job_rate_limiter = None


def mark_unfinished():
    """Mark the jobs that this run did not finish, so that the next one runs them.

    A failed job leaves no output. Snakemake makes that output again only for a target that lists
    it: a later file that is requested by name would count as up to date.
    """
    for job in workflow.dag.needrun_jobs():
        if job.rule.basedir == SOURCE:  # not of a parent workflow
            workflow.persistence.started(job)


def collections_with_new(file, names):
    """Return the collections among `names` whose `file` was written in this run."""
    # Not `needrun_jobs`: after the checkpoint, these lack the jobs before it.
    written = {str(path) for job in workflow.dag.finished_jobs for path in job.output}
    return [name for name in names if str(RESULTS.folder / name / file) in written]


def show(lines):
    """Show lines about the results at the place where people find these."""
    if lines:
        # If jobs share no folder, that is another place.
        shown = [line.replace(str(RESULTS.folder), RESULTS.place) for line in lines]
        logger.info("\n".join(["", *shown, ""]))


def changes():
    """Return lines on what was added, removed, moved or changed in this run."""
    # Imported here, since other runs do not need it.
    from similar_images.images import listing
    from similar_images.report import run_summary

    listed = collections_with_new("manifest.parquet", COLLECTIONS)
    files = in_results(listed, listing.NAME, listing.CHANGES_NAME)
    RESULTS.fetch(*(RESULTS.folder.parent / file for file in files))
    labels = {one.label for one in decided if one.label is not None}
    return run_summary.changes(RESULTS.folder, listed, labels)


def main_results():
    """Return lines on the main results and update the history, if a report was written."""
    sets = collections_with_new("report.html", sorted(QUERIES))
    if not sets:
        return []
    from similar_images.report import history, run_summary

    results = RESULTS.folder
    read = [
        "results/history.csv",
        *in_results(QUERIES, "metrics.json", "groups.csv", "history.csv"),
        *in_results(
            ["catalogue"], "quality.json", "metric_comparison.json", "rejected.csv"
        ),
    ]
    RESULTS.fetch(*(results.parent / file for file in read))
    before = history.last_metric(results / "history.csv")
    history.write_all(results)
    RESULTS.put(results / "history.csv")
    known = classes_of(*COLLECTIONS)
    new = decisions.new_classes(decided, known)
    folders = {name: location_of(name) for name in sets if has_folders(name)}
    return [
        *run_summary.lines(results, sets, before, folders),
        *run_summary.new_classes(new, known),
    ]


def files_on_request():
    """Return lines on where files on request are, and which a new report has left behind."""
    from similar_images.report import run_summary

    names = sorted(QUERIES)
    renewed = collections_with_new("report.html", names)
    return [
        line
        for file in run_summary.ON_REQUEST
        for line in run_summary.on_request(
            RESULTS.folder, file, collections_with_new(file.name, names), renewed
        )
    ]


def audit_results():
    """Return a line on how much the audit has found, if its page was written."""
    if not collections_with_new("report.html", ["catalogue"]):
        return []
    from similar_images.curation.findings import FINDINGS, ROTATED
    from similar_images.report import audit_page

    page = RESULTS.folder / "catalogue" / "report.html"
    audit = page.with_name("audit.csv")
    rotated = {name: RESULTS.folder / name / "rotated.csv" for name in COLLECTIONS}
    RESULTS.fetch(audit, *rotated.values())
    sets = {name: ROTATED.read(path) for name, path in rotated.items()}
    findings = FINDINGS.read(audit) + audit_page.rotated_photos(sets)
    return [audit_page.summary(findings, page)]


def map_results():
    """Return a line on where the map of the catalogue is, if its page was written."""
    if not collections_with_new("map.html", ["catalogue"]):
        return []
    return [f"map: look at {RESULTS.folder / 'catalogue' / 'map.html'}"]
