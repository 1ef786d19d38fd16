"""Every key of the one table, in one place.

Base table: ``pk`` + ``sk``. Indexes (all INCLUDE, sparse):

* ``listing``  ``list_pk`` + ``list_sk``      newest-first lists of feedback, tickets, deliveries
* ``bucket``   ``bucket_pk`` + ``bucket_sk``  the narrow rows that a rollup recounts
* ``awaiting`` ``awaiting_pk`` + ``awaiting_since``  feedback whose action is not durable yet
* ``review``   ``review_pk`` + ``review_sk``    feedback that a person should look at, oldest first
"""

from __future__ import annotations

import zlib
from datetime import datetime, timezone
from typing import Final

LISTING_SHARDS: Final = 4  # one partition takes 1,000 writes a second
AWAITING_SHARDS: Final = 4
PROVISIONAL_SHARDS: Final = 4
REVIEW_SHARDS: Final = 4
DUE_SHARDS: Final = 4
CLOSED_SHARDS: Final = 8  # transactions that add to one row at once cancel each other


def shard(identity: str, shards: int) -> int:
    """Stable shard of an id."""
    return zlib.crc32(identity.encode()) % shards


def instant(moment: datetime) -> str:
    """Sortable UTC text with milliseconds: ``2026-11-21T08:01:40.000Z``."""
    utc = moment.astimezone(timezone.utc)
    return utc.strftime("%Y-%m-%dT%H:%M:%S.") + f"{utc.microsecond // 1000:03d}Z"


def hour(moment: datetime) -> str:
    """The bucket's hour in UTC: ``2026-11-21T08``."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H")


def day(moment: datetime) -> str:
    """``2026-11-21``, UTC."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%d")


def minute(moment: datetime) -> str:
    """``2026-11-21T08:01``, UTC."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M")


# --- feedback -------------------------------------------------------------------------------------------------


def feedback(workspace: str, feedback_id: str) -> tuple[str, str]:
    """The current revision."""
    return f"FB#{workspace}#{feedback_id}", "FB"


def revision(workspace: str, feedback_id: str, number: int) -> tuple[str, str]:
    """An older revision, kept beside the current one."""
    return f"FB#{workspace}#{feedback_id}", f"REV#{number:010d}"


def reading(workspace: str, feedback_id: str, revision_: int, number: int) -> tuple[str, str]:
    """A reading of a revision that is no longer the current one: what it said, without the words."""
    return f"FB#{workspace}#{feedback_id}", f"READ#{revision_:010d}#{number:06d}"


def correction(workspace: str, feedback_id: str, revision_: int, number: int) -> tuple[str, str]:
    """What an analyst put right about a reading. Beside the words that it is about, so that it goes with them."""
    return f"FB#{workspace}#{feedback_id}", f"COR#{revision_:010d}#{number:06d}"


def correction_listing(workspace: str) -> str:
    """Partition of a workspace's list of corrections."""
    return f"CO#{workspace}"


def review(workspace: str, shard_: int) -> str:
    """Partition of the review queue."""
    return f"RV#{workspace}#{shard_}"


def parked_body(workspace: str, feedback_id: str) -> tuple[str, str]:
    """The encrypted raw body of a parked row."""
    return f"FB#{workspace}#{feedback_id}", "RAW"


def feedback_listing(workspace: str, day_: str, shard_: int) -> str:
    """Partition of one day's feedback list."""
    return f"FB#{workspace}#{day_}#{shard_}"


def bucket_index(workspace: str, unit: str, hour_: str) -> str:
    """Partition of the rows that one bucket counts."""
    return f"{workspace}#{unit}#{hour_}"


def awaiting(shard_: int) -> str:
    """Partition of the awaiting index."""
    return f"AW#{shard_}"


# --- rollups --------------------------------------------------------------------------------------------------


def bucket(workspace: str, unit: str, hour_: str) -> tuple[str, str]:
    """The counted hour of one unit."""
    return f"BK#{workspace}#{unit}", hour_


def bucket_listing(hour_: str, shard_: int) -> str:
    """Partition of the list of one hour's buckets."""
    return f"BK#{hour_}#{shard_}"


# --- the effect of a fix --------------------------------------------------------------------------------------


def exposure(workspace: str, unit: str, day_: str) -> tuple[str, str]:
    """How much business a unit did on one of its own days."""
    return f"EX#{workspace}#{unit}", day_


def effect(workspace: str, issue_id: str) -> tuple[str, str]:
    """What was last claimed of an issue, and what came of it."""
    return f"IS#{workspace}#{issue_id}", "EFFECT"


def watch(workspace: str, topic: str, issue_id: str) -> tuple[str, str]:
    """That complaints of a topic (``*``: of any) may bring an issue back."""
    return f"WT#{workspace}#{topic}", issue_id


# --- tickets --------------------------------------------------------------------------------------------------


def ticket(workspace: str, ticket_id: str) -> tuple[str, str]:
    """The ticket as it is now."""
    return f"TK#{workspace}#{ticket_id}", "TK"


def ticket_move(workspace: str, ticket_id: str, version: int) -> tuple[str, str]:
    """One line of the ticket's history."""
    return f"TK#{workspace}#{ticket_id}", f"MOVE#{version:06d}"


def ticket_note(workspace: str, ticket_id: str, note: str) -> tuple[str, str]:
    """A colleague's note; ids sort by time."""
    return f"TK#{workspace}#{ticket_id}", f"NOTE#{note}"


def ticket_link(workspace: str, ticket_id: str, other: str) -> tuple[str, str]:
    """One side of a link to another ticket."""
    return f"TK#{workspace}#{ticket_id}", f"LINK#{other}"


def ticket_verdict(workspace: str, ticket_id: str) -> tuple[str, str]:
    """What an audit came to."""
    return f"TK#{workspace}#{ticket_id}", "AUDIT"


def ticket_lot(workspace: str, ticket_id: str) -> tuple[str, str]:
    """Where a ticket stands among those closed in a month."""
    return f"TK#{workspace}#{ticket_id}", "LOT"


def lots(workspace: str, month: str) -> str:
    """Partition of the tickets closed in a month, ``2026-11``, in the order in which they are audited."""
    return f"LO#{workspace}#{month}"


def closed_count(workspace: str, month: str, unit: str, shard_: int) -> tuple[str, str]:
    """A part of how many were closed in a month at a unit and below it, or at all (``""``)."""
    return f"LC#{workspace}#{month}", f"{shard_}#{unit}"


def ticket_code(workspace: str, ticket_id: str, person: str) -> tuple[str, str]:
    """What is kept of the code with which a person works on the ticket's page."""
    return f"TK#{workspace}#{ticket_id}", f"CODE#{person}"


def verification_rules(workspace: str) -> tuple[str, str]:
    """How a workspace asks its customers whether a case is solved."""
    return directory(workspace), "VERIFICATION"


def customer_case(workspace: str, customer: str, moment: datetime, ticket_id: str) -> tuple[str, str]:
    """That a ticket is one of a customer's, in order of opening."""
    return f"CU#{workspace}#{customer}", f"{instant(moment)}#{ticket_id}"


def ticket_listing(workspace: str) -> str:
    """Partition of a workspace's ticket list."""
    return f"TK#{workspace}"


def external_item(workspace: str, endpoint: str, external_id: str) -> tuple[str, str]:
    """What an OA last said about one of its items: the sender's version counter."""
    return f"CB#{workspace}#{endpoint}", external_id


# --- clocks ---------------------------------------------------------------------------------------------------


def sla_policy(workspace: str) -> tuple[str, str]:
    """What a workspace promises."""
    return directory(workspace), "SLA"


def provisional(workspace: str, ticket_id: str, mark: str) -> tuple[str, str]:
    """That a deadline of a ticket rests on a year that is not published; ``mark`` is country and year: ``CN#2027``."""
    return provisionals(shard(ticket_id, PROVISIONAL_SHARDS)), f"{mark}#{workspace}#{ticket_id}"


def provisionals(shard_: int) -> str:
    """Partition of provisional deadlines, in order of country and year."""
    return f"PV#{shard_}"


# --- issues ---------------------------------------------------------------------------------------------------


def issue(workspace: str, issue_id: str) -> tuple[str, str]:
    """The issue as it is now."""
    return f"IS#{workspace}#{issue_id}", "IS"


def issue_move(workspace: str, issue_id: str, version: int) -> tuple[str, str]:
    """One line of the issue's history."""
    return f"IS#{workspace}#{issue_id}", f"MOVE#{version:06d}"


def issue_link(workspace: str, issue_id: str, subject_: str) -> tuple[str, str]:
    """That a ticket or a voice is part of an issue."""
    return f"IS#{workspace}#{issue_id}", f"LINK#{subject_}"


def issue_listing(workspace: str) -> str:
    """Partition of a workspace's issue list."""
    return f"IS#{workspace}"


def occurrence(workspace: str, topic: str, unit_kind: str, moment: datetime, ticket_id: str) -> tuple[str, str]:
    """That a ticket of a topic at a kind of unit is part of no issue yet, in order of opening."""
    return f"RC#{workspace}#{topic}#{unit_kind}", f"{instant(moment)}#{ticket_id}"


def insight(workspace: str, insight_id: str) -> tuple[str, str]:
    """What somebody found out; ids sort by time."""
    return f"IN#{workspace}", insight_id


# --- contact with customers -----------------------------------------------------------------------------------


def contact_policy(workspace: str) -> tuple[str, str]:
    """How often, when and for what a workspace's customers may be contacted."""
    return directory(workspace), "CONTACT"


def opt_out(workspace: str, customer: str, channel: str) -> tuple[str, str]:
    """What a customer last said about being contacted over a channel, or over all of them."""
    return f"OO#{workspace}#{customer}", channel


def contact_slots(workspace: str, customer: str) -> tuple[str, str]:
    """The contacts with a customer that were allowed."""
    return f"CS#{workspace}#{customer}", "SLOTS"


def contact_skip(workspace: str, moment: datetime, claim: str) -> tuple[str, str]:
    """One contact that was refused, in order of time; ``claim`` is a digest."""
    return f"SK#{workspace}", f"{instant(moment)}#{claim}"


def followup(workspace: str, followup_id: str) -> tuple[str, str]:
    """A task for sales that came of a voice, or why none did."""
    return f"FU#{workspace}#{followup_id}", "FU"


def followup_listing(workspace: str) -> str:
    """Partition of a workspace's follow-ups."""
    return f"FU#{workspace}"


def open_case(workspace: str, owner: str, ticket_id: str) -> tuple[str, str]:
    """That somebody has an open ticket, or had it: whoever counts looks at the ticket."""
    return f"OC#{workspace}#{owner}", ticket_id


# --- the loop -------------------------------------------------------------------------------------------------


def happening(workspace: str, what: str, moment: datetime, ticket_id: str, version: int) -> tuple[str, str]:
    """One thing that happened to a ticket, in order of time."""
    return f"LP#{workspace}#{what}", f"{instant(moment)}#{ticket_id}#{version:06d}"


def telling(workspace: str, subject_: str, slot: str) -> tuple[str, str]:
    """That a week or a digest was told: its insert puts the event on the bus."""
    return f"LT#{workspace}#{subject_}", slot


def briefing(workspace: str, briefing_id: str) -> tuple[str, str]:
    """A digest that an endpoint wants."""
    return directory(workspace), f"DIGEST#{briefing_id}"


# --- deliveries -----------------------------------------------------------------------------------------------


def delivery(workspace: str, subject: str, endpoint: str, sequence: int, mark: str = "") -> tuple[str, str]:
    """One event of one subject (ticket, alert, feedback) to one endpoint; ``mark`` tells two of one sequence apart."""
    return f"DL#{workspace}#{subject}", f"{endpoint}#{sequence:012d}{mark}"


def delivery_lane(endpoint: str) -> str:
    """Sort-key prefix of the deliveries of one subject to one endpoint, in order."""
    return f"{endpoint}#"


def delivery_attempt(workspace: str, delivery_id: str, number: int) -> tuple[str, str]:
    """One attempt of a delivery."""
    return f"DA#{workspace}#{delivery_id}", f"{number:04d}"


def delivery_listing(workspace: str) -> str:
    """Partition of a workspace's delivery list."""
    return f"DL#{workspace}"


def lagging(workspace: str, endpoint_: str) -> str:
    """Partition of the ids of deliveries that an endpoint has not taken at the first try."""
    return f"DW#{workspace}#{endpoint_}"


def crowd(workspace: str, endpoint_: str) -> str:
    """Partition of the deliveries to a robot that its limit has turned away."""
    return f"DQ#{workspace}#{endpoint_}"


def target_window(target: str) -> tuple[str, str]:
    """The sliding log of one target (hash of host + credential)."""
    return f"RL#{target}", "WINDOW"


def callback_heard(workspace: str, endpoint_: str, delivery_hash: str) -> tuple[str, str]:
    """That a delivery of a vendor's callbacks was dealt with."""
    return f"CH#{workspace}#{endpoint_}", delivery_hash


# --- items in other people's systems ----------------------------------------------------------------------------


def item(workspace: str, ticket_id: str, endpoint_: str) -> tuple[str, str]:
    """The one item that an endpoint keeps of a ticket."""
    return f"XI#{workspace}#{ticket_id}", endpoint_


def item_back(workspace: str, endpoint_: str, external_id: str) -> tuple[str, str]:
    """Which ticket an item is of: the way back for callbacks."""
    return f"XB#{workspace}#{endpoint_}", external_id


def watched(workspace: str, endpoint_: str, ticket_id: str) -> tuple[str, str]:
    """That an endpoint's item of a ticket is asked for: one row for each ticket that is not over."""
    return f"XW#{workspace}#{endpoint_}", ticket_id


def drifting(workspace: str, endpoint_: str) -> str:
    """Partition of the list of those among them that differ from their tickets."""
    return f"XD#{workspace}#{endpoint_}"


def endpoint_token(workspace: str, endpoint_: str) -> tuple[str, str]:
    """The access token that the workers share for an endpoint."""
    return f"XT#{workspace}#{endpoint_}", "TOKEN"


# --- directory: what people configure -------------------------------------------------------------------------


def directory(workspace: str) -> str:
    """Partition of a workspace's configuration."""
    return f"WS#{workspace}"


def connection(workspace: str, connection_id: str) -> tuple[str, str]:
    return directory(workspace), f"CONNECTION#{connection_id}"


def poll(workspace: str, connection_id: str) -> tuple[str, str]:
    """How far a connection's poller has come."""
    return f"PL#{workspace}#{connection_id}", "POLL"


def uploads(workspace: str, connection_id: str) -> str:
    """Partition of a connection's uploaded files."""
    return f"UP#{workspace}#{connection_id}"


def upload(workspace: str, connection_id: str, upload_id: str) -> tuple[str, str]:
    """One uploaded file: how far it is read. Ids sort by time."""
    return uploads(workspace, connection_id), upload_id


def endpoint(workspace: str, endpoint_id: str) -> tuple[str, str]:
    return directory(workspace), f"ENDPOINT#{endpoint_id}"


def rule(workspace: str, name: str) -> tuple[str, str]:
    return directory(workspace), f"RULE#{name}"


def issue_policy(workspace: str) -> tuple[str, str]:
    """What makes an issue of single tickets."""
    return directory(workspace), "ISSUEPOLICY"


def subscription(workspace: str, subscription_id: str) -> tuple[str, str]:
    return directory(workspace), f"SUBSCRIPTION#{subscription_id}"


def data_key(workspace: str) -> tuple[str, str]:
    """The workspace's data key, itself encrypted by KMS."""
    return directory(workspace), "DATAKEY"


def api_key(key_hash: str) -> tuple[str, str]:
    """An API key by the SHA-256 of its secret."""
    return f"KEY#{key_hash}", "KEY"


def api_key_entry(workspace: str, key_id: str) -> tuple[str, str]:
    """The key's place in its workspace, so that it can be found by id."""
    return directory(workspace), f"KEY#{key_id}"


def subject(workspace: str, subject_: str) -> tuple[str, str]:
    """The salt of one customer; deleting it shreds the contact."""
    return f"SB#{workspace}#{subject_}", "SALT"


def audit(workspace: str, moment: datetime, ticket_id: str, key_id: str) -> tuple[str, str]:
    """One look of one key at protected data, in order of time."""
    return f"AU#{workspace}", f"{instant(moment)}#{ticket_id}#{key_id}"


# --- code frames ----------------------------------------------------------------------------------------------


def frames(workspace: str) -> str:
    """Partition of a workspace's code frame: what is active, what was proposed, what was learned."""
    return f"FR#{workspace}"


def frame_state(workspace: str) -> tuple[str, str]:
    """The active frame."""
    return frames(workspace), "STATE"


def frame_number(workspace: str) -> tuple[str, str]:
    """The counter of proposals."""
    return frames(workspace), "NUMBER"


def proposal(workspace: str, proposal_id: str) -> tuple[str, str]:
    """One proposed frame; ids sort by number."""
    return frames(workspace), f"PROPOSAL#{proposal_id}"


def frame_activation(workspace: str, moment: datetime) -> tuple[str, str]:
    """That a frame was activated, in order of time."""
    return frames(workspace), f"ACTIVE#{instant(moment)}"


def frame_delta(workspace: str, number: int) -> tuple[str, str]:
    """What the corrections taught, under the number of the proposal that it was learned for."""
    return frames(workspace), f"DELTA#{number:06d}"


def dry_run(workspace: str, run: str) -> tuple[str, str]:
    """How far a dry run has come; ids sort by time."""
    return f"DR#{workspace}", f"RUN#{run}"


def dry_run_change(workspace: str, run: str) -> tuple[str, str]:
    """What it tries."""
    return f"DR#{workspace}", f"CHANGE#{run}"


# --- organisations --------------------------------------------------------------------------------------------


def organisation_head(workspace: str) -> tuple[str, str]:
    """Which version of a workspace's organisation is in force."""
    return f"OG#{workspace}", "HEAD"


def organisation_channels(workspace: str) -> tuple[str, str]:
    """How the people of the version in force are reached, sealed."""
    return f"OG#{workspace}", "CHANNELS"


def organisation_version(workspace: str, version: int) -> tuple[str, str]:
    """One version of it."""
    return f"OG#{workspace}", f"VERSION#{version:08d}"


def leaver(workspace: str, person: str) -> tuple[str, str]:
    """That somebody who is gone had open tickets or issues for which there was nobody."""
    return f"OG#{workspace}", f"LEFT#{person}"


# --- causes ---------------------------------------------------------------------------------------------------


def own_causes(workspace: str) -> tuple[str, str]:
    """The causes of a workspace's own that are in force."""
    return f"GR#{workspace}", "OWN"


def own_causes_version(workspace: str, version: int) -> tuple[str, str]:
    """One version of them."""
    return f"GR#{workspace}", f"VERSION#{version:08d}"


def cause_tally(workspace: str, topic: str) -> tuple[str, str]:
    """What closed tickets taught of one topic's causes."""
    return f"GR#{workspace}", f"TALLY#{topic}"


def counted_cause(workspace: str, ticket_id: str) -> tuple[str, str]:
    """Under which cause a closed ticket is counted."""
    return f"TK#{workspace}#{ticket_id}", "CAUSE"


# --- alerts ---------------------------------------------------------------------------------------------------


def cooldown(workspace: str, key: str) -> tuple[str, str]:
    """State of one alert key (rule, topic, unit)."""
    return f"AL#{workspace}#{key}", "COOLDOWN"


def naming(workspace: str, subject_: str, rule_name: str) -> tuple[str, str]:
    """That a subject (feedback, delivery, event) is named for a rule, at which severity and under which key."""
    return f"AL#{workspace}#{subject_}", f"NAMED#{rule_name}"


def swallowed(workspace: str, key: str, subject_: str, rank: int) -> tuple[str, str]:
    """What waits under a key for the next message. A risen severity waits beside the lower one, not over it."""
    return f"AL#{workspace}#{key}", f"SWALLOWED#{subject_}#{rank}"


def alert(workspace: str, alert_id: str) -> tuple[str, str]:
    """A message that was sent; its insert puts ``alert.raised`` on the bus."""
    return f"AM#{workspace}#{alert_id}", "ALERT"


def spend(workspace: str, day_: str) -> tuple[str, str]:
    """SMS parts that a workspace sent on one day."""
    return f"SP#{workspace}", day_


# --- time -----------------------------------------------------------------------------------------------------


def due(minute_: str, shard_: int) -> str:
    """Partition of what is due in one minute."""
    return f"DUE#{minute_}#{shard_}"


def cursor(name: str) -> tuple[str, str]:
    """Where a sweep got to."""
    return "CURSOR", name
