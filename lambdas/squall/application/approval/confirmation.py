"""Confirms recorded votes: a second function asks AWS who signed each of them, while the proof is still valid.

Approve alone writes votes, and ObserveApproval alone writes what confirms them. So neither role can forge an approval.
"""

from dataclasses import replace

from squall.application.approval.voters import Voter, identify_voter
from squall.application.step import Step
from squall.domain.approval.identity_proof import FRESH
from squall.domain.approval.votes import Ask, Decision, Proof, Vote, VoteProof
from squall.domain.run.record import ExecutionRecord
from squall.domain.run.timeline import EventName
from squall.errors import Unavailable


def confirm_votes(step: Step) -> ExecutionRecord:
    """Confirm the votes on the newest request, and return the record as it is afterwards.

    A proof that AWS refuses is dropped, and its vote does not count: the person may vote again. While AWS can't be
    asked, the proof stays until it has expired. Of a person with several proofs, only the newest is of the recorded vote.
    """
    record = step.record
    if record.ask is None or not record.proofs:
        return record
    votes = {vote.person: vote for vote in record.current_votes if vote.decision is not Decision.REJECT}
    digests: list[str] = []
    refusals: list[str] = []
    left: list[VoteProof] = []
    newest = {pending.person: pending for pending in record.proofs}
    for pending in newest.values():
        vote = votes.get(pending.person)
        if vote is None:  # a rejection counts without it; a vote on an earlier request never counts
            continue
        why = _explain_unconfirmed(step, record.ask, vote, pending.proof)
        if why is None:
            left.append(replace(pending, tried=True))
        elif why:
            refusals.append(f"{vote.arn}: {why}")
        else:
            digests.append(vote.digest)
    if tuple(left) != record.proofs:
        events = [step.event(EventName.VOTE_NOT_CONFIRMED, refusal) for refusal in refusals]
        step.w.records.confirm(step.run.id, digests, handled=record.proofs, left=left, events=events)
    return step.w.records.get(step.run.id) or record  # false: somebody has just voted, and wakes the execution


def _explain_unconfirmed(step: Step, ask: Ask, vote: Vote, proof: Proof) -> str | None:
    """Empty if AWS confirms that this person signed this vote; otherwise why it never will. None: it can't be told
    yet."""
    try:
        voter = identify_voter(step.w, step.record, ask, vote.decision, vote.comment, proof, vote.at)
    except Unavailable as error:
        return f"the proof expired before AWS could confirm it: {error}" if step.now - vote.at > FRESH else None
    if isinstance(voter, Voter):
        return "" if voter == Voter(vote.person, vote.arn) else f"it was signed by {voter.arn}"
    return voter
