"""Which function writes which files of a run: the grants are made from it."""

_CLOSES = ("automation.json", "fault.json", "result.json", "rollback.json")
"""The documents about a run that is closed from outside: what was found and undone."""
DOCUMENTS: dict[str, tuple[str, ...]] = {
    "Admit": ("definition.json", "refusal.json"),
    "Discover": ("discovery.json", "refusal.json"),
    "CheckSafety": ("safety.json",),
    "AskApproval": ("plan.json",),
    "AcquireLock": _CLOSES,
    "AcquireSlot": ("safety.json",),
    "CaptureBaseline": ("baseline.json",),
    "ArmGuards": ("guards.json",),
    "CreateTemplate": ("template.json",),
    "FinalCheck": ("final_check.json",),
    "StopFault": ("fault.json",),
    "RunRollback": ("automation.json",),
    "VerifyRollback": ("rollback.json",),
    "WatchRecovery": ("recovery.json", "rollback.json"),
    "Compare": ("series.json", "statistics.json"),
    "Judge": ("judgement.json", "series.json"),
    "Record": ("result.json",),
    "Notify": ("result.json",),
    "Release": _CLOSES,
    "Pulse": (*_CLOSES, "campaign_result.json"),
    "Watchdog": (*_CLOSES, "campaign_result.json"),
    "AdmitCampaign": ("campaign.json",),
    "FinishCampaign": ("campaign_result.json",),
    "Report": ("report.html", "report.md", "result.json", "retrospective.md", "series.csv"),
}
"""The files in `results/<id>/` that a function may write. What a state relies on is written by one other state and
nobody else."""


def document_files() -> tuple[str, ...]:
    """The name of every file that some function may write, sorted."""
    return tuple(sorted({file for files in DOCUMENTS.values() for file in files}))
